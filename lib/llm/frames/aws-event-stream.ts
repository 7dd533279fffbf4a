import { asBuffer } from '../bytes.js'
import { crc32 } from './crc32.js'
import { type Frame, FrameError, type FrameHandler, type FrameReader } from './frame.js'
import { PartialFrame } from './partial-frame.js'
import type { TextRun } from './text-run.js'

/** Total length, length of the headers, and the checksum of both: 4 bytes each, big-endian. */
const PRELUDE_BYTES = 12
const CHECKSUM_BYTES = 4

/** Bytes of a header's value by its type; a prefixed one names its length in two bytes. */
const VALUE_BYTES: Readonly<Record<number, number | 'prefixed'>> = {
  0: 0, // true
  1: 0, // false
  2: 1, // byte
  3: 2, // short
  4: 4, // integer
  5: 8, // long
  6: 'prefixed', // byte array
  7: 'prefixed', // string
  8: 8, // timestamp
  9: 16, // UUID
}
const STRING = 7

interface Headers {
  /** As latin1. */
  readonly bytes: string
  readonly values: ReadonlyMap<string, string>
}

/**
 * The binary messages of an AWS event stream. Both checksums of each are checked, and nothing is gathered on the word
 * of a prelude before its own was found right.
 *
 * An exception becomes a frame named by its `:exception-type`; an error one named by its `:error-code`, with its
 * `:error-message` as data in the form in which exceptions have theirs: `{"message":"..."}`.
 *
 * A message that came in one read is read from there, and skipped where it is one of a run.
 *
 * Source: https://smithy.io/2.0/aws/amazon-eventstream.html
 */
export class AwsEventStreamReader implements FrameReader {
  /** The message under way, of which earlier reads brought a part. */
  private readonly partial
  /** Its length, once its prelude is there. */
  private length = PRELUDE_BYTES
  /** Of the last message: most have the same ones as the message before, and reading them is the larger part of the work. */
  private headers: Headers = { bytes: '', values: new Map() }

  constructor(
    private readonly handle: FrameHandler,
    maxFrame?: number,
    private readonly run?: TextRun,
  ) {
    this.partial = new PartialFrame(maxFrame)
  }

  push(bytes: Uint8Array): void {
    try {
      this.read(bytes)
    } finally {
      this.run?.tell()
    }
  }

  private read(bytes: Uint8Array): void {
    const read = asBuffer(bytes)
    let at = this.goOn(read)
    if (at === read.length) return
    const view = viewOf(read)
    const text = read.toString('latin1')
    while (read.length - at >= PRELUDE_BYTES) {
      this.length = this.messageLength(view, at)
      const end = at + this.length
      if (end > read.length) break
      this.message(read, view, text, at, end)
      at = end
    }
    if (at < read.length) this.partial.append(read.subarray(at))
  }

  end(): void {
    if (this.partial.length > 0) throw new FrameError('frame_incomplete', 'the answer ended inside a message')
  }

  /** Completes the message under way, if there is one; returns how much of the read that took. */
  private goOn(read: Buffer): number {
    const { partial } = this
    let at = 0
    while (partial.length > 0 && at < read.length) {
      const inPrelude = partial.length < PRELUDE_BYTES
      const wanted = inPrelude ? PRELUDE_BYTES : this.length
      const end = Math.min(at + wanted - partial.length, read.length)
      partial.append(read.subarray(at, end))
      at = end
      if (partial.length < wanted) continue
      const { bytes } = partial
      if (inPrelude) {
        this.length = this.messageLength(viewOf(bytes), 0)
      } else {
        this.message(bytes, viewOf(bytes), bytes.toString('latin1'), 0, wanted)
        partial.clear()
      }
    }
    return at
  }

  private messageLength(bytes: DataView, at: number): number {
    const length = messageLength(bytes, at)
    this.partial.checkSize(length)
    return length
  }

  /** `view` and `text` (as latin1) are of `bytes`. */
  private message(bytes: Buffer, view: DataView, text: string, at: number, end: number): void {
    const dataEnd = end - CHECKSUM_BYTES
    if (crc32(view, at, dataEnd) !== view.getUint32(dataEnd)) throw corrupt('the checksum of a message')
    const headersStart = at + PRELUDE_BYTES
    const dataStart = headersStart + view.getUint32(at + 4)
    // Headers are learnt and compared together with the data. Only if they are as long as those learnt do they end there, too.
    const isAlike = dataStart - headersStart === this.headers.bytes.length
    if (isAlike && this.run?.takes(text, headersStart, dataEnd) === true) return
    this.run?.tell()
    if (text.slice(headersStart, dataStart) !== this.headers.bytes) {
      // A copy: a slice of the text would keep all of it alive.
      const headers = bytes.toString('latin1', headersStart, dataStart)
      this.headers = { bytes: headers, values: readHeaders(headers) }
    }
    this.handle(frameOf(this.headers.values, bytes.toString('utf8', dataStart, dataEnd)))
    this.run?.learn(text.slice(headersStart, dataEnd))
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
}

function frameOf(headers: ReadonlyMap<string, string>, data: string): Frame {
  const header = (name: string) => headers.get(name) ?? ''
  switch (header(':message-type')) {
    case 'exception':
      return { event: header(':exception-type'), data, exception: true }
    case 'error':
      return {
        event: header(':error-code'),
        data: JSON.stringify({ message: header(':error-message') }),
        exception: true,
      }
    default:
      return { event: header(':event-type'), data }
  }
}

function messageLength(bytes: DataView, at: number): number {
  const length = bytes.getUint32(at)
  const headers = bytes.getUint32(at + 4)
  if (crc32(bytes, at, at + 8) !== bytes.getUint32(at + 8)) throw corrupt('the checksum of a prelude')
  if (length < PRELUDE_BYTES + headers + CHECKSUM_BYTES) throw corrupt('the length of a message')
  return length
}

/** The headers whose values are strings; the others are skipped. `bytes` are latin1. */
function readHeaders(bytes: string): Map<string, string> {
  const headers = new Map<string, string>()
  let at = 0
  while (at < bytes.length) {
    const name = take(take(1).charCodeAt(0))
    const type = take(1).charCodeAt(0)
    const size = VALUE_BYTES[type]
    if (size === undefined) throw corrupt(`the type of header ${utf8(name)}`)
    const value = take(size === 'prefixed' ? take(1).charCodeAt(0) * 256 + take(1).charCodeAt(0) : size)
    if (type === STRING) headers.set(utf8(name), utf8(value))
  }
  return headers

  function take(length: number): string {
    const end = at + length
    if (end > bytes.length) throw corrupt('the length of a header')
    const taken = bytes.slice(at, end)
    at = end
    return taken
  }
}

const BEYOND_ASCII = /[\x80-\xff]/

function utf8(bytes: string): string {
  return BEYOND_ASCII.test(bytes) ? Buffer.from(bytes, 'latin1').toString('utf8') : bytes
}

function corrupt(what: string): FrameError {
  return new FrameError('frame_corrupt', `${what} is wrong`)
}
