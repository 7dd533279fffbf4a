import { createWriteStream } from 'node:fs'
import type { Writable } from 'node:stream'
import type { Logger } from '../pdk/method.js'
import { LineBuffer } from './line-buffer.js'
import { within } from './within.js'

/** Takes log entries, one line each. Never waits and never fails: what it cannot get out in time it drops, and counts. */
export interface LogSink {
  readonly dropped: number
  /** Lines that were taken and are not out yet. */
  readonly pending: number
  /** @param entry a JSON text */
  write(entry: string): void
  /** Opens a file anew, after somebody moved it away. */
  reopen(): void
  /** Resolves when what was taken is out, or could not get out in time. */
  close(): Promise<void>
}

/** How much a slow sink may hold back. Bytes. */
const MAX_PENDING = 4 * 1024 * 1024
const CLOSE_MS = 2000
const ANSWER_MS = 10_000

/** @param target `stdout`, an http(s) URL that takes POSTs, or the path of a file */
export function logSink(target: string, log: Logger): LogSink {
  if (target === 'stdout') return new StreamSink(process.stdout, log)
  if (/^https?:\/\//.test(target)) return new HttpSink(target, log)
  return new FileSink(target, log)
}

/** How long a line may wait for others: a write costs as much as all else about an entry. Milliseconds. */
const GATHER_MS = 20
/** How many lines wait for others. Bytes. */
const MAX_GATHERED = 256 * 1024

/** Writes to a stream that is somebody else's to close: the lines of some milliseconds together. */
export class StreamSink implements LogSink {
  dropped = 0
  pending = 0
  readonly #lines = new LineBuffer()
  /** Bytes of the lines that wait or are being written. */
  #size = 0
  /** Writes under way. */
  #writes = 0
  #timer: NodeJS.Timeout | undefined
  #onIdle: (() => void) | undefined

  constructor(
    protected stream: Writable,
    protected readonly log: Logger,
  ) {
    this.watch()
  }

  write(entry: string): void {
    if (this.stream.destroyed || this.#size > MAX_PENDING) {
      this.dropped++
      return
    }
    this.pending++
    this.#size += this.#lines.add(entry)
    if (this.#writes === 0) this.#gather()
  }

  reopen(): void {}

  /** Resolves when the stream has taken what was written before. */
  async close(): Promise<void> {
    const idle = new Promise<void>((resolve) => (this.#onIdle = resolve))
    this.flush()
    await within(CLOSE_MS, idle)
  }

  /** What is there goes to the stream as it is now. */
  protected flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const { count } = this.#lines
    const bytes = this.#lines.take()
    this.#writes++
    this.stream.write(bytes, (error) => {
      this.#writes--
      this.pending -= count
      this.#size -= bytes.length
      this.#lines.reuse(bytes)
      if (error) this.dropped += count
      if (this.#lines.count > 0) this.#gather()
      else if (this.#writes === 0) this.#onIdle?.()
    })
  }

  #gather(): void {
    if (this.#lines.size > MAX_GATHERED) this.flush()
    else this.#timer ??= setTimeout(() => this.flush(), GATHER_MS)
  }

  protected watch(): void {
    this.stream.on('error', (err) => this.log.error({ err }, 'log entries cannot be written'))
  }
}

class FileSink extends StreamSink {
  constructor(
    private readonly file: string,
    log: Logger,
  ) {
    super(createWriteStream(file, { flags: 'a' }), log)
  }

  override reopen(): void {
    this.flush()
    this.stream.end()
    this.stream = createWriteStream(this.file, { flags: 'a' })
    this.watch()
  }

  override async close(): Promise<void> {
    await super.close()
    await within(CLOSE_MS, new Promise((done) => this.stream.end(done)))
  }
}

/** Sends the lines that came while the last batch was under way as one body of newline-delimited JSON. */
class HttpSink implements LogSink {
  dropped = 0
  pending = 0
  readonly #lines = new LineBuffer()
  /** Bytes of the pending lines. */
  #size = 0
  #sending: Promise<void> | undefined
  readonly #closed = new AbortController()

  constructor(
    private readonly url: string,
    private readonly log: Logger,
  ) {}

  write(entry: string): void {
    if (this.#closed.signal.aborted || this.#size + entry.length > MAX_PENDING) {
      this.dropped++
      return
    }
    this.#size += this.#lines.add(entry)
    this.pending++
    this.#sending ??= this.#send().finally(() => (this.#sending = undefined))
  }

  reopen(): void {}

  async close(): Promise<void> {
    if (this.#sending) await within(CLOSE_MS, this.#sending)
    this.#closed.abort()
    await this.#sending
  }

  async #send(): Promise<void> {
    while (this.#lines.count > 0) {
      const { count } = this.#lines
      const body = this.#lines.take()
      try {
        await this.#post(body)
      } catch (error) {
        this.dropped += count
        this.log.warn({ err: error, lines: count }, 'the log endpoint did not take its lines')
      }
      this.#size -= body.length
      this.pending -= count
    }
  }

  async #post(lines: Buffer): Promise<void> {
    // Loaded with the first batch: a start does not wait for it.
    const { request } = await import('undici')
    const { statusCode, body } = await request(this.url, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
      body: lines,
      headersTimeout: ANSWER_MS,
      bodyTimeout: ANSWER_MS,
      signal: this.#closed.signal,
    })
    await body.dump()
    if (statusCode >= 300) throw new Error(`status ${statusCode}`)
  }
}
