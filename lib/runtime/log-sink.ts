import { createWriteStream, type WriteStream } from 'node:fs'
import { request } from 'undici'
import type { Logger } from '../pdk/method.js'

/** Takes log entries, one JSON line each. Never waits and never throws: what it cannot take in time it drops, and counts. */
export interface LogSink {
  readonly dropped: number
  write(entry: object): void
  /** Opens a file anew, after somebody moved it away. */
  reopen(): void
  /** Resolves when what was taken is out, or could not get out in time. */
  close(): Promise<void>
}

/** How much a slow sink may hold back. Bytes. */
const MAX_PENDING = 4 * 1024 * 1024
const CLOSE_MS = 2000

/** @param target `stdout`, an http(s) URL that takes POSTs, or the path of a file */
export function logSink(target: string, log: Logger): LogSink {
  if (target === 'stdout') return new StreamSink(() => process.stdout)
  if (/^https?:\/\//.test(target)) return new HttpSink(target, log)
  return new StreamSink(() => {
    const file = createWriteStream(target, { flags: 'a' })
    file.on('error', (err) => log.error({ err, file: target }, 'the log file cannot be written'))
    return file
  })
}

class StreamSink implements LogSink {
  dropped = 0
  #stream: NodeJS.WriteStream | WriteStream

  constructor(private readonly open: () => NodeJS.WriteStream | WriteStream) {
    this.#stream = open()
  }

  write(entry: object): void {
    if (this.#stream.destroyed || this.#stream.writableLength > MAX_PENDING) this.dropped++
    else this.#stream.write(`${JSON.stringify(entry)}\n`)
  }

  reopen(): void {
    if (this.#stream === process.stdout) return
    this.#stream.end()
    this.#stream = this.open()
  }

  async close(): Promise<void> {
    if (this.#stream === process.stdout || this.#stream.destroyed) return
    await within(CLOSE_MS, new Promise<void>((resolve) => this.#stream.end(() => resolve())))
  }
}

/** Sends the lines that came while the last batch was under way as one body of newline-delimited JSON. */
class HttpSink implements LogSink {
  dropped = 0
  #lines: string[] = []
  #bytes = 0
  #sending: Promise<void> | undefined

  constructor(
    private readonly url: string,
    private readonly log: Logger,
  ) {}

  write(entry: object): void {
    const line = `${JSON.stringify(entry)}\n`
    if (this.#bytes + line.length > MAX_PENDING) {
      this.dropped++
      return
    }
    this.#lines.push(line)
    this.#bytes += line.length
    this.#sending ??= this.#send().finally(() => (this.#sending = undefined))
  }

  reopen(): void {}

  async close(): Promise<void> {
    if (this.#sending) await within(CLOSE_MS, this.#sending)
  }

  async #send(): Promise<void> {
    while (this.#lines.length > 0) {
      const lines = this.#lines
      this.#lines = []
      try {
        const { statusCode, body } = await request(this.url, {
          method: 'POST',
          headers: { 'content-type': 'application/x-ndjson' },
          body: lines.join(''),
          headersTimeout: 10_000,
          bodyTimeout: 10_000,
        })
        await body.dump()
        if (statusCode >= 300) throw new Error(`status ${statusCode}`)
      } catch (error) {
        this.dropped += lines.length
        this.log.warn({ err: error, lines: lines.length }, 'the log endpoint did not take its lines')
      }
      for (const line of lines) this.#bytes -= line.length
    }
  }
}

async function within(ms: number, done: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  await Promise.race([done, new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)))])
  clearTimeout(timer)
}
