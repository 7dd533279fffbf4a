/** Remembers values for a while, in two generations, so that forgetting them takes no timers. */
export class Recent<Value> {
  #young = new Map<string, Value>()
  #old = new Map<string, Value>()
  #turned = performance.now()

  /** @param lifeMs what a value is remembered for at least; twice as long at most, while others come */
  constructor(private readonly lifeMs: number) {}

  set(key: string, value: Value): void {
    if (performance.now() - this.#turned > this.lifeMs) {
      this.#old = this.#young
      this.#young = new Map()
      this.#turned = performance.now()
    }
    this.#young.set(key, value)
  }

  get(key: string): Value | undefined {
    return this.#young.get(key) ?? this.#old.get(key)
  }
}
