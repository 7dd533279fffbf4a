/**
 * Calls many functions at one interval each, spread evenly over it. The interval is kept on average: what a late timer
 * missed is made up for.
 */
export class Pacer {
  readonly #slots: Set<() => void>[]
  #next = 0
  #slot = 0
  #timer: NodeJS.Timeout | undefined
  #size = 0
  #filled = 0

  /** @param everyMs whole milliseconds */
  constructor(everyMs: number) {
    this.#slots = Array.from({ length: everyMs }, () => new Set())
  }

  /** @returns ends the calls */
  add(call: () => void): () => void {
    const slot = this.#slots[this.#filled++ % this.#slots.length]!
    slot.add(call)
    this.#size++
    if (this.#timer === undefined) {
      this.#next = performance.now() + 1
      this.#timer = setInterval(() => this.#tick(), 1)
    }
    return () => {
      if (!slot.delete(call)) return
      this.#size--
      if (this.#size > 0) return
      clearInterval(this.#timer)
      this.#timer = undefined
    }
  }

  #tick(): void {
    for (const now = performance.now(); this.#next <= now; this.#next++) {
      for (const call of this.#slots[this.#slot]!) call()
      this.#slot = (this.#slot + 1) % this.#slots.length
    }
  }
}
