import { asBuffer } from '../bytes.js'
import { MAX_FRAME_BYTES } from './frame.js'
import { PartialFrame } from './partial-frame.js'
import { SseReader } from './sse.js'

/** Bytes are looked at as latin1: one character each. */
const BOM = '\u00EF\u00BB\u00BF'
const DATA = 'data:'
const SPACE = 0x20

/** An event as the provider wrote it, blank line included, and its data; `undefined` if it has none: a comment. */
export type EventHandler = (raw: Buffer, data: string | undefined) => void

/** Called before events: takes those at the start of what follows that need no cutting, and returns where they end. */
export type EventSkipper = (read: Buffer, text: string, at: number) => number

/**
 * Cuts an event stream into events and hands each on as its own bytes, for streams that pass untouched.
 *
 * A hot path: it runs for every read of every stream of an OpenAI client to an OpenAI provider. A read becomes text once,
 * in which a search costs less than in its bytes. An event that came in one read is a view of that read, and its data,
 * nearly always one line, is decoded straight from there. What is rare (several lines, a byte order mark, pieces) lies
 * out of line. A stream with carriage returns is not cut but read by `SseReader` and written anew with line feeds,
 * which is what clients know best.
 */
export class SseCutter {
  private readonly partial
  /** Where there is a carriage return: takes over for good. */
  private reader: SseReader | undefined
  /** The line under way, begun in an earlier read, has bytes. */
  private inLine = false
  /** Line ends of the event under way, from earlier reads. */
  private linesBefore = 0
  private first = true

  constructor(
    private readonly handle: EventHandler,
    private readonly maxFrame = MAX_FRAME_BYTES,
    private readonly skip?: EventSkipper,
  ) {
    this.partial = new PartialFrame(maxFrame)
  }

  /** @throws FrameError where an event grows too large */
  push(bytes: Uint8Array): void {
    const read = asBuffer(bytes)
    if (this.reader !== undefined) {
      this.reader.push(read)
      return
    }
    const text = read.toString('latin1')
    const at = this.partial.length === 0 ? this.skipped(read, text, 0) : 0
    if (at === read.length) return
    if (text.includes('\r', at)) this.readFrom(read.subarray(at))
    else this.cut(read, text, at)
  }

  /** The body has ended. An event without its blank line is handed on with one. */
  end(): void {
    if (this.reader === undefined && this.partial.length > 0) {
      const rest = this.inLine ? '\n\n' : '\n'
      this.cut(Buffer.from(rest), rest, 0)
    }
    this.reader?.end()
  }

  private cut(read: Buffer, text: string, at: number): void {
    let eventStart = at
    let lineStart = at
    let lines = this.linesBefore
    let inLine = this.inLine
    for (let lf = text.indexOf('\n', lineStart); lf !== -1; lf = text.indexOf('\n', lineStart)) {
      const blank = lf === lineStart && !inLine
      lines++
      lineStart = lf + 1
      inLine = false
      if (!blank) continue
      this.tail(read.subarray(eventStart, lineStart), lines)
      eventStart = this.skipped(read, text, lineStart)
      lineStart = eventStart
      lines = 0
    }
    if (eventStart < read.length) this.partial.append(read.subarray(eventStart))
    this.linesBefore = lines
    this.inLine = inLine || lineStart < read.length
  }

  private skipped(read: Buffer, text: string, at: number): number {
    return this.skip === undefined ? at : this.skip(read, text, at)
  }

  /** What completes an event: all of it, or the last piece. */
  private tail(bytes: Buffer, lines: number): void {
    if (this.partial.length === 0) {
      this.partial.checkSize(bytes.length)
      this.event(bytes, lines)
      return
    }
    this.partial.append(bytes)
    const raw = Buffer.from(this.partial.bytes)
    this.partial.clear()
    if (this.skipped(raw, raw.toString('latin1'), 0) === 0) this.event(raw, lines)
  }

  private event(whole: Buffer, lines: number): void {
    const raw = this.first ? this.withoutBom(whole) : whole
    if (lines === 2 && startsWith(raw, DATA)) {
      const start = raw[DATA.length] === SPACE ? DATA.length + 1 : DATA.length
      this.handle(raw, raw.toString('utf8', start, raw.length - 2))
    } else if (lines > 1) {
      this.handle(raw, dataOfLines(raw.toString('utf8')))
    }
  }

  private withoutBom(raw: Buffer): Buffer {
    this.first = false
    return startsWith(raw, BOM) ? raw.subarray(BOM.length) : raw
  }

  private readFrom(read: Buffer): void {
    this.reader = new SseReader(({ event, data }) => {
      const lines = event === '' ? '' : `event: ${event}\n`
      this.handle(Buffer.from(`${lines}data: ${data.replaceAll('\n', '\ndata: ')}\n\n`), data)
    }, this.maxFrame)
    this.reader.push(Buffer.from(this.partial.bytes))
    this.partial.clear()
    this.reader.push(read)
  }
}

function startsWith(bytes: Buffer, start: string): boolean {
  for (let at = 0; at < start.length; at++) if (bytes[at] !== start.charCodeAt(at)) return false
  return true
}

/** The data of an event of several lines, by the rules of the standard; `undefined` if it has none. */
function dataOfLines(event: string): string | undefined {
  const data = event
    .split('\n')
    .filter((line) => line === 'data' || line.startsWith('data:'))
    .map((line) => line.slice(DATA.length).replace(/^ /, ''))
  return data.length === 0 ? undefined : data.join('\n')
}
