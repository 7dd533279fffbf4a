import { crc32 } from 'node:zlib'
import { type Frame, FrameError, type FrameHandler, type FrameReader } from './frame.js'
import { PartialFrame } from './partial-frame.js'

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
  readonly bytes: Buffer
  readonly values: ReadonlyMap<string, string>
}

/**
 * The binary messages of an AWS event stream. Both checksums of each are checked, and nothing is gathered on the word
 * of a prelude before its own was found right.
 *
 * An exception becomes a frame named by its `:exception-type`; an error one named by its `:error-code`, with its
 * `:error-message` as data in the form in which exceptions have theirs: `{"message":"..."}`.
 *
 * Source: https://smithy.io/2.0/aws/amazon-eventstream.html
 */
export class AwsEventStreamReader implements FrameReader {
  private readonly partial
  /** Bytes to gather before the next step: a prelude's, then those of the message that it announces. */
  private wanted = PRELUDE_BYTES
  /** Of the last message: most have the same ones as the message before, and reading them is the larger part of the work. */
  private headers: Headers = { bytes: Buffer.alloc(0), values: new Map() }

  constructor(
    private readonly handle: FrameHandler,
    maxFrame?: number,
  ) {
    this.partial = new PartialFrame(maxFrame)
  }

  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const end = at + this.wanted - this.partial.length
      this.partial.append(bytes.subarray(at, end))
      at = end
      if (this.partial.length === this.wanted) this.step()
    }
  }

  end(): void {
    if (this.partial.length > 0) throw new FrameError('frame_incomplete', 'the answer ended inside a message')
  }

  private step(): void {
    if (this.wanted === PRELUDE_BYTES) {
      this.wanted = messageLength(this.partial.bytes)
      this.partial.checkSize(this.wanted)
      return
    }
    const frame = this.readMessage(this.partial.bytes)
    this.partial.clear()
    this.wanted = PRELUDE_BYTES
    this.handle(frame)
  }

  private readMessage(message: Buffer): Frame {
    const end = message.length - CHECKSUM_BYTES
    if (crc32(message.subarray(0, end)) !== message.readUInt32BE(end))
      throw corrupt('the checksum of a message')
    const payload = PRELUDE_BYTES + message.readUInt32BE(4)
    const bytes = message.subarray(PRELUDE_BYTES, payload)
    if (!bytes.equals(this.headers.bytes)) {
      this.headers = { bytes: Buffer.from(bytes), values: readHeaders(bytes) }
    }
    const { values } = this.headers
    const header = (name: string) => values.get(name) ?? ''
    const data = message.toString('utf8', payload, end)
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
}

function messageLength(prelude: Buffer): number {
  const length = prelude.readUInt32BE(0)
  const headers = prelude.readUInt32BE(4)
  if (crc32(prelude.subarray(0, 8)) !== prelude.readUInt32BE(8)) throw corrupt('the checksum of a prelude')
  if (length < PRELUDE_BYTES + headers + CHECKSUM_BYTES) throw corrupt('the length of a message')
  return length
}

/** The headers whose values are strings; the others are skipped. */
function readHeaders(bytes: Buffer): Map<string, string> {
  const headers = new Map<string, string>()
  let rest = bytes
  while (rest.length > 0) {
    const name = take(take(1).readUInt8()).toString('utf8')
    const type = take(1).readUInt8()
    const size = VALUE_BYTES[type]
    if (size === undefined) throw corrupt(`the type of header ${name}`)
    const value = take(size === 'prefixed' ? take(2).readUInt16BE() : size)
    if (type === STRING) headers.set(name, value.toString('utf8'))
  }
  return headers

  function take(length: number): Buffer {
    if (length > rest.length) throw corrupt('the length of a header')
    const taken = rest.subarray(0, length)
    rest = rest.subarray(length)
    return taken
  }
}

function corrupt(what: string): FrameError {
  return new FrameError('frame_corrupt', `${what} is wrong`)
}
