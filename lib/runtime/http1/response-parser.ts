import { emptyHeaders } from '../../pdk/headers.js'
import { MessageFault } from './message-fault.js'
import { NO_STATUS_LINE, parseFields, parseHead, type ResponseHead } from './response-head.js'

/**
 * What one read of a socket may bring, so that no head needs more than two. Node's own client takes 16 KiB, but some
 * providers are generous with policies and cookies; Envoy takes 60. Bytes.
 */
const MAX_HEAD = 64 * 1024
/** Chunk extensions and trailers of one body, which nobody reads. Bytes. */
const MAX_EXTRAS = 16 * 1024
/** Of a chunk's size: beyond these a number would lose bits. */
const MAX_DIGITS = 13

const BLANK_LINE = Buffer.from('\r\n\r\n')
/** So much of it may be there before it is seen. */
const PARTIAL = BLANK_LINE.length - 1
const BEGIN = Buffer.from('HTTP/1.')
const CR = 0x0d
const LF = 0x0a
const SPACE = 0x20
const HTAB = 0x09
const DELETE = 0x7f
const SEMICOLON = 0x3b

/** Of an ASCII character its value as a hexadecimal digit, or -1. */
const HEX = new Int8Array(256).fill(-1)
for (let digit = 0; digit < 16; digit++) {
  const character = digit.toString(16)
  HEX[character.charCodeAt(0)] = digit
  HEX[character.toUpperCase().charCodeAt(0)] = digit
}

/** Where in an answer the next byte belongs. `chunk-end` is the line end behind a chunk's bytes. */
type State =
  | 'head'
  | 'sized'
  | 'until-close'
  | 'chunk-size'
  | 'chunk'
  | 'chunk-end'
  | 'trailers'
  | 'complete'
  | 'failed'

/**
 * Reads the answers of one connection, one after the other (RFC 9112). A hot path: once a read of the socket. It calls nobody;
 * what a read brought is found in its fields until the next one. That does not depend on how the bytes were cut.
 */
export class ResponseParser {
  /** Came whole with this read. Informational ones (1xx) are passed over. */
  head: ResponseHead | undefined
  /** All of the body that this read brought, as one piece of its own. */
  body: Buffer | undefined
  /** Why the bytes are no answer. What came before them is in `head` and `body`. */
  fault: string | undefined
  /** This read brought the end of an informational answer. */
  informed = false
  /** A byte of the answer has come. */
  begun = false
  /** Something follows the end of the answer. */
  surplus = false

  #state: State = 'complete'
  #method = ''
  /** Bytes of the body, or of the chunk, that are still to come. */
  #left = 0
  #extras = 0
  /** An incomplete head, chunk size or trailer section. */
  #carried: Buffer | undefined
  /** Where in the read the body's bytes are, one behind the other. */
  #start = 0
  #size = 0

  get complete(): boolean {
    return this.#state === 'complete'
  }

  /** Expects the answer to a request of this method. */
  begin(method: string): void {
    this.#method = method
    this.#state = 'head'
    this.#extras = 0
    this.begun = false
  }

  /** @param buffer is changed: the pieces of a body in chunks are moved together. Nothing of it is kept. */
  read(buffer: Buffer, length = buffer.length): void {
    this.head = undefined
    this.body = undefined
    this.informed = false
    this.begun = true
    let bytes = buffer
    let end = length
    if (this.#carried !== undefined) {
      bytes = Buffer.concat([this.#carried, buffer.subarray(0, length)])
      end = bytes.length
      this.#carried = undefined
    }
    this.#size = 0
    let at = 0
    while (at < end && this.#state !== 'complete' && this.#state !== 'failed') at = this.#step(bytes, at, end)
    if (this.#size > 0) {
      this.body = Buffer.allocUnsafe(this.#size)
      bytes.copy(this.body, 0, this.#start, this.#start + this.#size)
    }
    if (at < end) this.surplus = true
  }

  /** The server has closed its side. */
  end(): void {
    this.head = undefined
    this.body = undefined
    if (this.#state === 'until-close') this.#state = 'complete'
    else if (this.#state !== 'complete' && this.#state !== 'failed') this.#fail('other side closed')
  }

  /** @returns where it goes on; `end` where more must come first */
  #step(bytes: Buffer, at: number, end: number): number {
    switch (this.#state) {
      case 'head':
        return this.#readHead(bytes, at, end)
      case 'sized':
      case 'chunk':
        return this.#readKnown(bytes, at, end)
      case 'until-close':
        return this.#take(bytes, at, end)
      case 'chunk-size':
        return this.#readSize(bytes, at, end)
      case 'chunk-end':
        return this.#readLineEnd(bytes, at, at, end, 'chunk-size')
      case 'trailers':
        return this.#readTrailers(bytes, at, end)
      default:
        return end
    }
  }

  #readHead(bytes: Buffer, at: number, end: number): number {
    for (let i = 0; i < BEGIN.length && at + i < end; i++) {
      if (bytes[at + i] !== BEGIN[i]) return this.#fail(NO_STATUS_LINE, at)
    }
    const found = blankLine(bytes, at, end)
    if ((found ?? end - PARTIAL) - at > MAX_HEAD) return this.#fail("the answer's headers are too large", at)
    if (found === undefined) return this.#carry(bytes, at, end)
    let head: ResponseHead
    try {
      head = parseHead(bytes.toString('latin1', at, found), this.#method)
    } catch (error) {
      return this.#faulty(error, at)
    }
    if (head.status < 200) {
      this.informed = true
      return found + 4
    }
    this.head = head
    const { framing } = head
    if (framing === 'chunked') this.#state = 'chunk-size'
    else if (framing === 'until-close') this.#state = 'until-close'
    else {
      this.#left = framing
      this.#state = framing === 0 ? 'complete' : 'sized'
    }
    return found + 4
  }

  #readKnown(bytes: Buffer, at: number, end: number): number {
    const stop = Math.min(end, at + this.#left)
    this.#left -= stop - at
    if (this.#left === 0) this.#state = this.#state === 'sized' ? 'complete' : 'chunk-end'
    return this.#take(bytes, at, stop)
  }

  /** Providers flush each frame in a chunk of its own, and one read may bring hundreds: they go on as one piece. */
  #take(bytes: Buffer, from: number, to: number): number {
    if (this.#size === 0) this.#start = from
    else bytes.copyWithin(this.#start + this.#size, from, to)
    this.#size += to - from
    return to
  }

  #readSize(bytes: Buffer, from: number, end: number): number {
    let size = 0
    let at = from
    for (; at < end; at++) {
      const digit = HEX[bytes[at]!]!
      if (digit < 0) break
      size = size * 16 + digit
    }
    if (at - from > MAX_DIGITS) return this.#fail('a chunk of the answer is too large', from)
    if (at === end) return this.#carry(bytes, from, end)
    if (at === from) return this.#fail('a chunk of the answer has no size', from)
    if (bytes[at] === SEMICOLON) {
      const start = at
      while (at < end && isInLine(bytes[at]!)) at++
      if (this.#extras + at - start > MAX_EXTRAS)
        return this.#fail('the extensions of chunks are too long', from)
      if (at === end) return this.#carry(bytes, from, end)
      const next = this.#readLineEnd(bytes, from, at, end, size === 0 ? 'trailers' : 'chunk')
      // The line that is carried is counted when it is whole.
      if (this.#carried === undefined) this.#extras += at - start
      this.#left = size
      return next
    }
    this.#left = size
    return this.#readLineEnd(bytes, from, at, end, size === 0 ? 'trailers' : 'chunk')
  }

  /** @param from where the line begins that ends at `at` */
  #readLineEnd(bytes: Buffer, from: number, at: number, end: number, next: State): number {
    if (bytes[at] !== CR) return this.#fail('a line of the chunked answer does not end where it must', from)
    if (at + 1 === end) return this.#carry(bytes, from, end)
    if (bytes[at + 1] !== LF)
      return this.#fail('a line of the chunked answer does not end where it must', from)
    this.#state = next
    return at + 2
  }

  /** RFC 9112 §7.1.2. Dropped: what depended on them was decided before they came. */
  #readTrailers(bytes: Buffer, at: number, end: number): number {
    if (bytes[at] === CR) return this.#readLineEnd(bytes, at, at, end, 'complete')
    const found = blankLine(bytes, at, end)
    if (this.#extras + (found ?? end - PARTIAL) - at > MAX_EXTRAS) {
      return this.#fail('the trailers of the answer are too long', at)
    }
    if (found === undefined) return this.#carry(bytes, at, end)
    try {
      parseFields(bytes.toString('latin1', at, found), 0, emptyHeaders())
    } catch (error) {
      return this.#faulty(error, at)
    }
    this.#state = 'complete'
    return found + 4
  }

  /** Keeps what is not whole for the next read. */
  #carry(bytes: Buffer, at: number, end: number): number {
    this.#carried = Buffer.from(bytes.subarray(at, end))
    return end
  }

  #faulty(error: unknown, at: number): number {
    if (!(error instanceof MessageFault)) throw error
    return this.#fail(error.message, at)
  }

  #fail(message: string, at = 0): number {
    this.#state = 'failed'
    this.fault = message
    return at
  }
}

/** Where the next blank line begins, with the line end before it; what lies behind `end` is of another read. */
function blankLine(bytes: Buffer, at: number, end: number): number | undefined {
  const found = bytes.indexOf(BLANK_LINE, at)
  return found < 0 || found + BLANK_LINE.length > end ? undefined : found
}

/** A character that a line may hold. */
function isInLine(byte: number): boolean {
  return byte >= SPACE ? byte !== DELETE : byte === HTAB
}
