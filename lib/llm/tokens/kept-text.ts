import { lastCut } from './pieces.js'

/** In characters: up to there a loop is quicker than a call that leaves JavaScript. */
const SHORT = 64
/** Bytes. */
const FIRST_ROOM = 256

const NONE = Buffer.alloc(0)

/**
 * Text that comes in small pieces and is kept in little memory: as a string that grows it would be a tree with a node for each
 * piece, and each piece may be a slice that keeps the whole read alive that it was cut out of. So it is kept as bytes (UTF-8), from
 * the first moment on: what many streams keep of their last reads is what a garbage collection of young objects takes its time for.
 */
export class KeptText {
  private bytes: Buffer = NONE
  private length = 0
  /** Half of a character, whose other half may follow. */
  private half = ''

  /** A hot path: runs for each delta of a stream. */
  add(text: string): void {
    const written = text.length <= SHORT && this.half === '' ? this.addAscii(text) : 0
    if (written < text.length) this.write(this.half + text.slice(written))
  }

  /** All of it. */
  toString(): string {
    return this.bytes.toString('utf8', 0, this.length) + this.half
  }

  /** Takes it away but for the word under way, so that the tokens of what is taken and of what follows are those of both. */
  takeWords(): string {
    const text = this.toString()
    const cut = lastCut(text)
    this.bytes = NONE
    this.length = 0
    this.write(text.slice(cut))
    return text.slice(0, cut)
  }

  /** @returns how many characters it begins with that are a byte each: these are written */
  private addAscii(text: string): number {
    const { length: start } = this
    this.makeRoom(text.length)
    const { bytes } = this
    let at = 0
    for (; at < text.length; at++) {
      const code = text.charCodeAt(at)
      if (code > 0x7f) break
      bytes[start + at] = code
    }
    this.length = start + at
    return at
  }

  /** But for half of a character at the end. */
  private write(text: string): void {
    const last = text.charCodeAt(text.length - 1)
    const end = last >= 0xd800 && last < 0xdc00 ? text.length - 1 : text.length
    const whole = text.slice(0, end)
    this.makeRoom(Buffer.byteLength(whole))
    this.length += this.bytes.write(whole, this.length)
    this.half = text.slice(end)
  }

  private makeRoom(room: number): void {
    const { bytes, length } = this
    if (length + room <= bytes.length) return
    this.bytes = Buffer.allocUnsafeSlow(Math.max(length + room, bytes.length * 2, FIRST_ROOM))
    bytes.copy(this.bytes, 0, 0, length)
  }
}
