/** How many entries a table takes at least, those of what is gone among them. */
const FEWEST = 64

/**
 * A `Map` for what comes and goes with every request. V8 leaves the tables of one that it has outgrown linked to what followed them, so
 * that once one of them is old, all that was ever in the `Map` survives the young generation's collections. Here what goes leaves
 * its key and no value, and another `Map` follows before V8 has to make room.
 */
export class ShortLived<Key, Value extends object> {
  #entries = new Map<Key, Value | undefined>()
  #size = 0
  #most = FEWEST

  get size(): number {
    return this.#size
  }

  get(key: Key): Value | undefined {
    return this.#entries.get(key)
  }

  /** @param key which is new */
  add(key: Key, value: Value): void {
    if (this.#entries.size >= this.#most) this.#renew()
    this.#entries.set(key, value)
    this.#size++
  }

  /** Gives the value and forgets it. */
  take(key: Key): Value | undefined {
    const value = this.#entries.get(key)
    if (value === undefined) return undefined
    this.#entries.set(key, undefined)
    this.#size--
    return value
  }

  /** Those that there are now. */
  values(): Value[] {
    return [...this.#entries.values()].filter((value) => value !== undefined)
  }

  #renew(): void {
    const before = this.#entries
    this.#entries = new Map()
    for (const [key, value] of before) {
      if (value === undefined) continue
      this.#entries.set(key, value)
      before.set(key, undefined)
    }
    this.#most = Math.max(FEWEST, 2 * this.#size)
  }
}
