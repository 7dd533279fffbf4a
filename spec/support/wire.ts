import { Duplex } from 'node:stream'

/** A connection whose system takes what it is given at once, or when `accept` is called: until then the memory is read from. */
export class Wire extends Duplex {
  isFast = true
  readonly #taken: Buffer[] = []
  #waiting: { piece: Buffer; taken: () => void } | undefined

  override _read(): void {}

  override _write(piece: Buffer, _encoding: string, taken: () => void): void {
    this.#waiting = { piece, taken }
    if (this.isFast) this.accept()
  }

  accept(): void {
    const waiting = this.#waiting
    if (!waiting) return
    this.#waiting = undefined
    this.#taken.push(Buffer.from(waiting.piece))
    waiting.taken()
  }

  get pieces(): number {
    return this.#taken.length
  }

  get text(): string {
    return Buffer.concat(this.#taken).toString('latin1')
  }

  /** node:http sets one for each connection. */
  setTimeout(): this {
    return this
  }
}
