/** When a target is out of service. Times are milliseconds. */
export interface BreakerOptions {
  /** This many failures within `failTimeout` open it; 0: it never opens. */
  maxFails: number
  /** How long failures count, and how long the target is then left alone. */
  failTimeout: number
}

/**
 * The circuit breaker of one target: `closed` lets everything through, `open` nothing, and when its time is over
 * `half-open` one probe, which closes or opens it again.
 */
export class Breaker {
  /** When the failures that still count happened; at most `maxFails` of them. */
  private fails: number[] = []
  private openUntil: number | undefined
  private probing = false

  constructor(private readonly options: BreakerOptions) {}

  get state(): 'closed' | 'open' | 'half-open' {
    if (this.openUntil === undefined) return 'closed'
    return performance.now() < this.openUntil ? 'open' : 'half-open'
  }

  /** Whether a request may go out now. */
  get allows(): boolean {
    return this.state === 'closed' || (this.state === 'half-open' && !this.probing)
  }

  /** Milliseconds until the next probe; 0 where none is waited for. */
  get wait(): number {
    return this.openUntil === undefined ? 0 : Math.max(0, this.openUntil - performance.now())
  }

  /** A request that was allowed goes out. Tell the result: a half-open breaker waits for it. */
  begin(): void {
    if (this.state === 'half-open') this.probing = true
  }

  succeed(): void {
    this.fails = []
    this.openUntil = undefined
    this.probing = false
  }

  fail(): void {
    const { maxFails, failTimeout } = this.options
    if (maxFails === 0) return
    const now = performance.now()
    this.fails = [...this.fails.filter((at) => now - at < failTimeout), now].slice(-maxFails)
    // Of requests that were under way when it opened nothing new is learnt.
    if (this.state === 'open') return
    if (this.state === 'half-open' || this.fails.length === maxFails) this.openUntil = now + failTimeout
    this.probing = false
  }

  /** The request ended without a word on the target: its client went away. */
  abandon(): void {
    this.probing = false
  }
}
