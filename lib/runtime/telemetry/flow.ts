/**
 * What flows through an exchange: plain fields, as they are written with each read from the provider. Times are milliseconds
 * of `performance.now()`; 0: not yet.
 */
export class Flow {
  /** Without content coding, of all attempts. */
  bytesIn = 0
  reads = 0
  /** When the first read came that made output for the client, and when that output left. */
  firstToken = 0
  firstOutput = 0
  /** When the last output left. */
  lastOutput = 0
  /** When the last read came. */
  lastRead = 0
  /** The times between reads, where somebody wants to see them. */
  gaps: Gaps | undefined

  /** A hot path. */
  read(arrived: number, left: number, bytes: number, wrote: boolean): void {
    if (this.reads > 0) this.gaps?.add(arrived - this.lastRead)
    this.reads++
    this.bytesIn += bytes
    this.lastRead = arrived
    if (!wrote) return
    this.lastOutput = left
    if (this.firstOutput === 0) {
      this.firstToken = arrived
      this.firstOutput = left
    }
  }
}

const KEPT_GAPS = 60

/** The last times between reads, in milliseconds. */
export class Gaps {
  readonly #ring = new Float32Array(KEPT_GAPS)
  #count = 0

  add(ms: number): void {
    this.#ring[this.#count++ % KEPT_GAPS] = ms
  }

  /** The oldest first. */
  list(): number[] {
    const from = Math.max(0, this.#count - KEPT_GAPS)
    return Array.from({ length: this.#count - from }, (_, i) => this.#ring[(from + i) % KEPT_GAPS]!)
  }
}
