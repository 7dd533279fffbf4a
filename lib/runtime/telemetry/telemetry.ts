import type { AttemptFailure } from '../../pdk/exchange.js'
import type { LiveExchange } from '../exchange.js'
import { Buckets } from './buckets.js'
import { OpenExchanges } from './open-exchanges.js'

/** Who watches exchanges: metrics, spans, the live page. Nothing here is called for a read or a frame. */
export interface ExchangeObserver {
  begin?(x: LiveExchange): void
  /** Runs what the exchange does until its answer flows. */
  within?(x: LiveExchange, run: () => Promise<void>): Promise<void>
  /** A request is about to go to an upstream: `x.upstream`, which may still be given headers. */
  attempt?(x: LiveExchange): void
  /** The attempt under way has come to nothing; what follows is another one or the end. */
  attemptFailed?(x: LiveExchange, failure: AttemptFailure): void
  /** The answer is over and its usage final. */
  end?(x: LiveExchange): void
}

/** Milliseconds. */
const FRAME_LATENCIES = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100]

/** The exchanges of this process and who watches them. */
export class Telemetry {
  /** From a read of a provider's stream to the hand-over of all that came of it to the client's connection. Milliseconds. */
  readonly frameLatency = new Buckets(FRAME_LATENCIES)

  /** Runs an exchange within all that want that. */
  readonly run: (x: LiveExchange, run: () => Promise<void>) => Promise<void>

  constructor(
    readonly open = new OpenExchanges(),
    private readonly observers: readonly ExchangeObserver[] = [],
  ) {
    const around = observers.filter((one) => one.within !== undefined)
    const within = async (x: LiveExchange, run: () => Promise<void>): Promise<void> => {
      await around.reduce<() => Promise<void>>((inner, one) => () => one.within!(x, inner), run)()
    }
    this.run = around.length > 0 ? within : (_x, run) => run()
  }

  begin(x: LiveExchange): void {
    this.open.add(x)
    for (const one of this.observers) one.begin?.(x)
  }

  attempt(x: LiveExchange): void {
    for (const one of this.observers) one.attempt?.(x)
  }

  /** A hot path: what came of a read has been handed on. */
  read(x: LiveExchange, arrived: number, bytes: number, wrote: boolean): void {
    const left = performance.now()
    x.flow.read(arrived, left, bytes, wrote)
    if (wrote) this.frameLatency.observe(left - arrived)
  }

  attemptFailed(x: LiveExchange, failure: AttemptFailure): void {
    for (const one of this.observers) one.attemptFailed?.(x, failure)
  }

  async end(x: LiveExchange): Promise<void> {
    this.open.delete(x)
    if (this.observers.length === 0) return
    if (x.modelCall) await x.modelCall.settle()
    for (const one of this.observers) one.end?.(x)
  }
}
