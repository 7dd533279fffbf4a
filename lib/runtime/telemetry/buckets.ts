/** A histogram of plain numbers, for what is counted too often for a library's: one observation is a few nanoseconds. */
export class Buckets {
  /** How many values are at most the bound of the same place; the last place has the rest. */
  readonly counts: number[]
  sum = 0

  /** @param bounds ascending */
  constructor(readonly bounds: readonly number[]) {
    this.counts = Array.from({ length: bounds.length + 1 }, () => 0)
  }

  observe(value: number): void {
    let place = 0
    while (place < this.bounds.length && value > this.bounds[place]!) place++
    this.counts[place]!++
    this.sum += value
  }
}
