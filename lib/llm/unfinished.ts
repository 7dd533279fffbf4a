import type { Usage } from './chat.js'
import { KeptText } from './tokens/kept-text.js'

/** What every object of one answer says alike. */
export interface Identity {
  id: string
  /** Unix seconds. */
  created: number
  model: string
  systemFingerprint: string | undefined
  serviceTier: string | undefined
}

/** A stream that was cut off, as another provider can take it up. */
export interface Unfinished {
  /** What it said to its client: this text, and nothing else. */
  readonly text: string
  /** Of the chunks that the client has; `undefined` if it has none. */
  readonly identity: Identity | undefined
}

/** What came before an answer that goes on with another one. */
export interface Begun {
  /** Of the chunks that the client has: later ones say the same, and no role again. */
  readonly identity: Identity
  /** Of what came before; the whole is the sum. */
  readonly usage: Usage | undefined
  readonly estimated: boolean
}

/** More than any model answers at once. */
const MAX_CHARS = 1024 * 1024

/** Keeps what a stream says as long as it is nothing but text, of one choice that has not finished. */
export class PlainText {
  private kept = new KeptText()
  private chars = 0
  private isPlain = true

  /** `undefined`: something else was said, or too much. */
  get text(): string | undefined {
    return this.isPlain ? this.kept.toString() : undefined
  }

  add(choice: number, text: string): void {
    if (!this.isPlain) return
    this.chars += text.length
    if (choice > 0 || this.chars > MAX_CHARS) this.end()
    else this.kept.add(text)
  }

  /** Something else is said. */
  end(): void {
    if (!this.isPlain) return
    this.isPlain = false
    this.kept = new KeptText()
  }
}
