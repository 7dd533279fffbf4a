import type { LiveExchange } from '../exchange.js'
import { Gaps } from '../telemetry/flow.js'
import type { OpenExchanges } from '../telemetry/open-exchanges.js'
import type { ExchangeObserver } from '../telemetry/telemetry.js'
import { rowOf, type Row } from './rows.js'

export const MAX_FINISHED = 100
/** More than anyone looks through. */
export const MAX_LIVE = 200

/** The exchanges with models at a moment. */
export interface Snapshot {
  /** The number of all; `live` has at most two hundred. */
  open: number
  live: Row[]
  /** Those that finished since the last snapshot, the oldest first; at most the last hundred. */
  finished: Row[]
}

/** The exchanges of this process, for the one who asks from time to time. */
export class LiveRows implements ExchangeObserver {
  #finished: Row[] = []

  constructor(private readonly open: OpenExchanges) {}

  begin(x: LiveExchange): void {
    x.flow.gaps = new Gaps()
  }

  end(x: LiveExchange): void {
    if (!x.modelCall) return
    this.#finished.push(rowOf(x, x.modelCall))
    if (this.#finished.length > MAX_FINISHED) this.#finished.shift()
  }

  snapshot(): Snapshot {
    const calls = [...this.open]
      .filter(({ modelCall }) => modelCall !== undefined)
      .sort((a, b) => a.timings.start - b.timings.start)
    const finished = this.#finished
    this.#finished = []
    return {
      open: calls.length,
      live: calls.slice(-MAX_LIVE).map((x) => rowOf(x, x.modelCall!)),
      finished,
    }
  }
}
