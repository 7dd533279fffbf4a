import { Counter, Histogram } from 'prom-client'
import type { JsonObject } from '../llm/json.js'
import type { Metrics } from '../runtime/telemetry/metrics.js'
import { observation, type Observation, type ObservationOptions } from '../runtime/telemetry/observation.js'
import type { HandoverCounters } from './counters.js'
import type { EventRecord } from './events.js'
import type { Tickets } from './tickets.js'

/** One of an access phase is `ret`; five and the declared reads hand a request over. */
const ROUND_TRIPS = [1, 2, 3, 4, 5, 6, 7, 8, 10, 15, 25]

/** What watches the exchanges of a relay. */
export interface ObservedRelay extends Observation {
  /** Its part of `/status`. */
  server(): JsonObject
}

export async function observeRelay(
  options: ObservationOptions,
  { counters, tickets }: { counters: HandoverCounters; tickets: Tickets },
): Promise<ObservedRelay> {
  const observed = await observation(options)
  const { metrics, telemetry } = observed
  countHandovers(metrics, counters)
  metrics.gauge('kong_ai_tickets', 'Tickets that are live, claimed or not', () => tickets.size)
  return {
    ...observed,
    server: () => ({ exchanges_active: telemetry.open.size, handovers: outcomes(counters) }),
  }
}

export function countHandovers(metrics: Metrics, counters: HandoverCounters): void {
  metrics.total(
    'kong_ai_handovers_total',
    'What became of requests between Kong and the relay',
    'outcome',
    () => outcomes(counters),
  )
}

/** Under the names that labels have. */
export function outcomes(counters: HandoverCounters): Record<string, number> {
  return {
    handed_over: counters.handedOver,
    joined: counters.joined,
    direct: counters.direct,
    refused: counters.refused,
    repeated: counters.repeated,
    stray_log_event: counters.strayLogEvents,
  }
}

/** @returns what is to be told of each event of Kong's */
export function eventMetrics({ registry }: Metrics): (record: EventRecord) => void {
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
