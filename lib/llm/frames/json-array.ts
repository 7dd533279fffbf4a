import { FrameError, type FrameHandler, type FrameReader } from './frame.js'
import { PartialFrame } from './partial-frame.js'

type State =
  /** Before the array: white space, a byte order mark. */
  | 'before'
  /** In the array, between its elements. */
  | 'between'
  /** In an element, which ends where its outermost bracket or quote closes. */
  | 'element'
  /** In a number or a word, which ends before the next separator. */
  | 'scalar'
  /** After the array: whatever follows is not ours. */
  | 'after'

const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c]
const [OPEN_BRACKET, CLOSE_BRACKET, OPEN_BRACE, CLOSE_BRACE] = [0x5b, 0x5d, 0x7b, 0x7d]

/** Space, tab, line feed, carriage return. */
const WHITE_SPACE = new Set([0x20, 0x09, 0x0a, 0x0d])
const BYTE_ORDER_MARK = new Set([0xef, 0xbb, 0xbf])

/**
 * One top-level JSON array, element by element, as Gemini streams it without `alt=sse`. An object in place of the
 * array (an error body) is one frame. What follows the array is ignored.
 *
 * Each byte is looked at once; all that matters to the cutting is ASCII, which never stands inside a longer UTF-8
 * sequence. Whether an element is valid JSON is for its reader to find out.
 */
export class JsonArrayReader implements FrameReader {
  private readonly partial
  private state: State = 'before'
  /** Where the whole answer is one object, the state after it is `after`. */
  private afterElement: State = 'between'
  /** Open brackets and braces of the element, and whether the next byte is inside a string, or escaped there. */
  private depth = 0
  private inString = false
  private escaped = false

  constructor(
    private readonly handle: FrameHandler,
    maxFrame?: number,
  ) {
    this.partial = new PartialFrame(maxFrame)
  }

  push(bytes: Uint8Array): void {
    let start = 0
    for (let at = 0; at < bytes.length; at++) {
      if (this.state === 'after') return
      const byte = bytes[at]!
      if (this.state === 'element') {
        if (this.closesElement(byte)) this.emit(bytes.subarray(start, at + 1))
        continue
      }
      if (this.state === 'scalar') {
        if (!endsScalar(byte)) continue
        this.emit(bytes.subarray(start, at))
      }
      if (this.opensElement(byte)) start = at
    }
    if (this.inElement()) this.partial.append(bytes.subarray(start))
  }

  end(): void {
    if (this.inElement()) {
      throw new FrameError('frame_incomplete', 'the answer ended inside an element of its array')
    }
    if (this.state === 'between') {
      throw new FrameError('frame_incomplete', 'the answer ended before its array did')
    }
  }

  private inElement(): boolean {
    return this.state === 'element' || this.state === 'scalar'
  }

  private emit(bytes: Uint8Array): void {
    this.state = this.afterElement
    this.handle({ event: '', data: this.partial.complete(bytes) })
  }

  /** Takes a byte of an element; true if it is its last. */
  private closesElement(byte: number): boolean {
    if (this.inString) {
      if (this.escaped) this.escaped = false
      else if (byte === BACKSLASH) this.escaped = true
      else if (byte === QUOTE) this.inString = false
      return !this.inString && this.depth === 0
    }
    if (byte === QUOTE) this.inString = true
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) this.depth++
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) this.depth--
    return this.depth === 0
  }

  /** Takes a byte outside the elements; true if it is the first of one. */
  private opensElement(byte: number): boolean {
    if (WHITE_SPACE.has(byte)) return false
    if (this.state === 'before') return this.opensArray(byte)
    if (byte === COMMA) return false
    if (byte === CLOSE_BRACKET) {
      this.state = 'after'
      return false
    }
    const bracket = byte === OPEN_BRACE || byte === OPEN_BRACKET
    this.inString = byte === QUOTE
    this.depth = bracket ? 1 : 0
    this.state = bracket || this.inString ? 'element' : 'scalar'
    return true
  }

  private opensArray(byte: number): boolean {
    if (BYTE_ORDER_MARK.has(byte)) return false
    if (byte === OPEN_BRACKET) {
      this.state = 'between'
      return false
    }
    if (byte !== OPEN_BRACE) {
      throw new FrameError('frame_corrupt', 'the answer is neither a JSON array nor an object')
    }
    this.state = 'element'
    this.afterElement = 'after'
    this.depth = 1
    return true
  }
}

function endsScalar(byte: number): boolean {
  return byte === COMMA || byte === CLOSE_BRACKET || WHITE_SPACE.has(byte)
}
