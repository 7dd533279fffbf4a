/** The timer of one exchange that runs the body filters though nothing has arrived: from the first attempt on. */
export class FlushTimer {
  #timer: NodeJS.Timeout | undefined
  #isOpen = false
  #isStopped = false
  /** It went off too early: made up for when it may. */
  #missed = false

  constructor(private readonly owner: { flush(): void }) {}

  after(ms: number): void {
    clearTimeout(this.#timer)
    if (this.#isStopped) return
    this.#missed = false
    this.#timer = setTimeout(() => {
      if (this.#isOpen) this.owner.flush()
      else this.#missed = true
    }, ms)
  }

  attemptBegins(): void {
    this.#isOpen = true
    if (this.#missed) this.after(0)
  }

  attemptEnds(): void {
    this.#isOpen = false
  }

  /** For good. */
  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
  }
}
