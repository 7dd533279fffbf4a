import type { AttemptFailure } from '../pdk/exchange.js'

/** As much as a whole answer of a model may hold. */
export const MAX_COLLECTED_BYTES = 64 * 1024 * 1024

/** An upstream's body on its way into memory, for who wants to see it whole. */
export class CollectedBody {
  readonly #pieces: Buffer[] = []
  #size = 0

  /** @returns false if it is more than there is room for */
  push(bytes: Buffer): boolean {
    this.#size += bytes.length
    if (this.#size > MAX_COLLECTED_BYTES) return false
    this.#pieces.push(bytes)
    return true
  }

  whole(): Buffer {
    return Buffer.concat(this.#pieces)
  }
}

export function tooLarge(): AttemptFailure {
  return {
    kind: 'rejected',
    status: 502,
    message: `the upstream's answer is larger than ${MAX_COLLECTED_BYTES} bytes`,
  }
}
