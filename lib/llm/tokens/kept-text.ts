import { lastCut } from './pieces.js'

/** So many pieces are put into bytes at once, which costs less than one by one. */
const PIECES = 16
/** In characters: more than that does not wait for others. Such a piece was put together of many slices. */
const LONG = 1024
/** Bytes. */
const FIRST_ROOM = 256

const NONE = Buffer.alloc(0)

/**
 * Text that comes in small pieces and is kept in little memory: as a string that grows it would be a tree with a node for each
 * piece, and each piece may be a slice that keeps the whole read alive that it was cut out of. So it is kept as bytes.
 */
export class KeptText {
  private bytes: Buffer = NONE
  private length = 0
  private recent = ''
  private pieces = 0

  /** A hot path: runs for each delta of a stream. */
  add(text: string): void {
    this.recent += text
    if (++this.pieces >= PIECES || this.recent.length >= LONG) this.pack()
  }

  /** All of it. */
  toString(): string {
    return this.bytes.toString('utf8', 0, this.length) + this.recent
  }

  /** Takes it away but for the word under way, so that the tokens of what is taken and of what follows are those of both. */
  takeWords(): string {
    const text = this.toString()
    const cut = lastCut(text)
    this.bytes = NONE
    this.length = 0
    this.recent = text.slice(cut)
    this.pack()
    return text.slice(0, cut)
  }

  /** But for half of a character, whose other half may follow. */
  private pack(): void {
    const { recent } = this
    const last = recent.charCodeAt(recent.length - 1)
    const end = last >= 0xd800 && last < 0xdc00 ? recent.length - 1 : recent.length
    const whole = recent.slice(0, end)
    this.makeRoom(Buffer.byteLength(whole))
    this.length += this.bytes.write(whole, this.length)
    this.recent = recent.slice(end)
    this.pieces = 0
  }

  private makeRoom(room: number): void {
    const { bytes, length } = this
    if (length + room <= bytes.length) return
    this.bytes = Buffer.allocUnsafeSlow(Math.max(length + room, bytes.length * 2, FIRST_ROOM))
    bytes.copy(this.bytes, 0, 0, length)
  }
}
