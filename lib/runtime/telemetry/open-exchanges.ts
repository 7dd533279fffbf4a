import type { LiveExchange } from '../exchange.js'

/**
 * The exchanges that have not ended. Not a `Set`: V8 leaves the tables of one that it has outgrown linked to what followed them,
 * so that where entries come and go all that was ever in them survives the young generation's collections.
 */
export class OpenExchanges implements Iterable<LiveExchange> {
  readonly #all: LiveExchange[] = []

  get size(): number {
    return this.#all.length
  }

  add(x: LiveExchange): void {
    x.place = this.#all.length
    this.#all.push(x)
  }

  delete(x: LiveExchange): void {
    const last = this.#all.pop()!
    if (last === x) return
    last.place = x.place
    this.#all[x.place] = last
  }

  /** In no order. */
  [Symbol.iterator](): Iterator<LiveExchange> {
    return this.#all.values()
  }
}
