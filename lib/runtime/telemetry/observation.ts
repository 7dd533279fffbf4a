import type { LiveRows } from '../live/live-rows.js'
import type { LogSink } from '../log-sink.js'
import { loadTracing } from './load-tracing.js'
import { Metrics } from './metrics.js'
import { OpenExchanges } from './open-exchanges.js'
import { Telemetry } from './telemetry.js'

/** What watches the exchanges of a process. */
export interface Observation {
  readonly telemetry: Telemetry
  readonly metrics: Metrics
  /** Absent: nobody has asked for a page of them. */
  readonly live: LiveRows | undefined
}

export interface ObservationOptions {
  readonly livePage: boolean
  readonly sink: LogSink | undefined
}

/** Metrics, spans if an SDK is registered, and rows for the live page if there is one. */
export async function observation({ livePage, sink }: ObservationOptions): Promise<Observation> {
  const metrics = new Metrics()
  const open = new OpenExchanges()
  const live = livePage ? new (await import('../live/live-rows.js')).LiveRows(open) : undefined
  const tracing = await loadTracing()
  const telemetry = new Telemetry(
    open,
    [metrics, live, tracing].filter((one) => one !== undefined),
  )
  metrics.watch(telemetry, sink)
  return { telemetry, metrics, live }
}
