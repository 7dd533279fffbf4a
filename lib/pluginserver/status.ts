import { Counter, Histogram } from 'prom-client'
import type { Address, Listener } from '../runtime/listener.js'
import { LivePage } from '../runtime/live/live-page.js'
import type { LogSink } from '../runtime/log-sink.js'
import { listenStatus } from '../runtime/status.js'
import { loadTracing } from '../runtime/telemetry/load-tracing.js'
import { Metrics } from '../runtime/telemetry/metrics.js'
import { Telemetry } from '../runtime/telemetry/telemetry.js'
import type { HandoverCounters } from './counters.js'
import type { EventRecord } from './events.js'
import type { Tickets } from './tickets.js'

export interface HostStatusOptions {
  readonly listen: Address
  readonly livePage: boolean
  readonly sink: LogSink | undefined
  readonly counters: HandoverCounters
  readonly tickets: Tickets
}

/** What operators see of a plugin host. */
export interface HostStatus {
  readonly telemetry: Telemetry
  readonly listener: Listener
  /** From now on requests are served. */
  ready(): void
  onEvent(record: EventRecord): void
}

/** One of an access phase is `ret`; five and the declared reads hand a request over. */
const ROUND_TRIPS = [1, 2, 3, 4, 5, 6, 7, 8, 10, 15, 25]

/** Starts the status listener of a plugin host. @throws Error where its port cannot be listened on */
export async function startHostStatus(options: HostStatusOptions): Promise<HostStatus> {
  const { sink, counters, tickets } = options
  const metrics = new Metrics()
  const live = options.livePage ? new LivePage() : undefined
  const tracing = await loadTracing()
  const telemetry = new Telemetry([metrics, live, tracing].filter((one) => one !== undefined))
  metrics.watch(telemetry, sink)
  metrics.total(
    'kong_ai_handovers_total',
    'What became of requests between Kong and the relay',
    'outcome',
    () => outcomes(counters),
  )
  metrics.gauge('kong_ai_tickets', 'Tickets that are live, claimed or not', () => tickets.size)
  const onEvent = eventMetrics(metrics)
  let ready = false
  const listener = await listenStatus({
    listen: options.listen,
    metrics,
    live,
    status: () => ({
      ready,
      body: { server: { exchanges_active: telemetry.open.size, handovers: outcomes(counters) } },
    }),
  })
  return { telemetry, listener, onEvent, ready: () => (ready = true) }
}

/** Under the names that labels have. */
function outcomes(counters: HandoverCounters): Record<string, number> {
  return {
    handed_over: counters.handedOver,
    joined: counters.joined,
    direct: counters.direct,
    refused: counters.refused,
    repeated: counters.repeated,
    stray_log_event: counters.strayLogEvents,
  }
}

function eventMetrics({ registry }: Metrics): (record: EventRecord) => void {
  const events = new Counter({
    name: 'kong_ai_rpc_events_total',
    help: 'Events of Kong, by how they ended',
    labelNames: ['plugin', 'phase', 'outcome'],
    registers: [registry],
  })
  const roundTrips = new Histogram({
    name: 'kong_ai_rpc_round_trips',
    help: 'Messages that Kong sent for an event, the first one included',
    labelNames: ['plugin', 'phase'],
    buckets: ROUND_TRIPS,
    registers: [registry],
  })
  return ({ plugin, phase, outcome, roundTrips: trips }) => {
    events.inc({ plugin, phase, outcome })
    roundTrips.observe({ plugin, phase }, trips)
  }
}
