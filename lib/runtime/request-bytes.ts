import { free, own } from '../pdk/held-bytes.js'
import { spareMemory } from '../pdk/spare-memory.js'

/** How many times as much memory as has come may be set aside for what a client says will come. */
const AHEAD = 16

/**
 * A request's body as it comes. Its pieces are copied and freed one by one, while the processor has them at hand: joined in the end,
 * a large body would be there twice, and leave as much to the garbage collector.
 */
export class RequestBytes {
  size = 0
  readonly #declared: number
  /** The only piece; of several ones a memory with room for more. */
  #bytes: Buffer = NOTHING
  #isOnly = true

  /** @param declared the length that the client says; 0: none */
  constructor(declared: number) {
    this.#declared = declared
  }

  push(piece: Buffer): void {
    const { length } = piece
    if (this.size === 0) {
      this.#bytes = piece
    } else {
      this.#reserve(this.size + length)
      piece.copy(this.#bytes, this.size)
      free(piece)
    }
    this.size += length
  }

  /** What was made of several pieces is held by the caller then, and has to be let go. */
  whole(): Buffer {
    if (this.#isOnly) return this.#bytes
    const whole = this.#bytes.subarray(0, this.size)
    own(whole)
    return whole
  }

  /** Nobody will have them. */
  drop(): void {
    if (!this.#isOnly) free(this.#bytes)
  }

  #reserve(size: number): void {
    if (size <= this.#bytes.length) return
    const room = size <= this.#declared ? Math.min(this.#declared, size * AHEAD) : size * 2
    const larger = spareMemory.take(room)
    this.#bytes.copy(larger, 0, 0, this.size)
    free(this.#bytes)
    this.#bytes = larger
    this.#isOnly = false
  }
}

const NOTHING = Buffer.alloc(0)
