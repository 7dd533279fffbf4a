import { lastCut } from './pieces.js'

/** Of UTF-16 units. */
const PACK = 4096

/**
 * Text that comes in small pieces and is kept in little memory: a string that grows is a tree with a node for each piece,
 * ten times the size of what it says. So it is packed now and then.
 */
export class KeptText {
  private packed: Buffer[] = []
  private recent = ''

  /** A hot path: runs for each delta of a stream. */
  add(text: string): void {
    this.recent += text
    if (this.recent.length >= PACK) this.pack()
  }

  /** All of it. */
  toString(): string {
    return this.packed.length === 0 ? this.recent : Buffer.concat(this.packed).toString() + this.recent
  }

  /** Takes it away but for the word under way, so that the tokens of what is taken and of what follows are those of both. */
  takeWords(): string {
    const text = this.toString()
    const cut = lastCut(text)
    this.packed = []
    this.recent = text.slice(cut)
    this.pack()
    return text.slice(0, cut)
  }

  /** But for half of a character, whose other half may follow. */
  private pack(): void {
    const { recent } = this
    const last = recent.charCodeAt(recent.length - 1)
    const end = last >= 0xd800 && last < 0xdc00 ? recent.length - 1 : recent.length
    if (end > 0) this.packed.push(Buffer.from(recent.slice(0, end)))
    this.recent = recent.slice(end)
  }
}
