/**
 * One time limit after another, by one timer. That is left running and looks, when it goes off, how much of the limit of then is left:
 * to begin a limit costs a look at the clock, and seldom a timer.
 */
export class TimeLimit {
  readonly #owner: { expire(): void }
  #timer: NodeJS.Timeout | undefined
  /** When the timer goes off. */
  #due = Infinity
  /** When the limit has passed. */
  #end = Infinity
  /** Milliseconds; 0: none. */
  #limit = 0

  constructor(owner: { expire(): void }) {
    this.#owner = owner
  }

  /** @param limit from now on; 0: none */
  begin(limit: number): void {
    this.#limit = limit
    this.again()
  }

  /** The same limit from now on. */
  again(): void {
    if (this.#limit === 0) {
      this.#end = Infinity
      return
    }
    this.#end = performance.now() + this.#limit
    if (this.#end < this.#due) this.#start(this.#limit)
  }

  /** For good. */
  stop(): void {
    this.#limit = 0
    this.#end = Infinity
    clearTimeout(this.#timer)
  }

  #start(ms: number): void {
    clearTimeout(this.#timer)
    this.#due = this.#end
    this.#timer = setTimeout(look, ms, this).unref()
  }

  look(): void {
    this.#due = Infinity
    if (this.#end === Infinity) return
    const left = Math.ceil(this.#end - performance.now())
    if (left > 0) this.#start(left)
    else this.#owner.expire()
  }
}

/** One function for all: no closure a timer. */
function look(limit: TimeLimit): void {
  limit.look()
}
