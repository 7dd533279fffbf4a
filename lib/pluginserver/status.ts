import type { JsonObject } from '../llm/json.js'
import type { Metrics } from '../runtime/telemetry/metrics.js'
import { MoreLabels } from '../runtime/telemetry/series.js'
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
export function eventMetrics(metrics: Metrics): (record: EventRecord) => void {
  const events = metrics.counter('kong_ai_rpc_events_total', 'Events of Kong, by how they ended')
  const roundTrips = metrics.histogram(
    'kong_ai_rpc_round_trips',
    'Messages that Kong sent for an event, the first one included',
    ROUND_TRIPS,
  )
  const none = {}
  const plugins = new MoreLabels('plugin')
  const phases = new MoreLabels('phase')
  const ends = new MoreLabels('outcome')
  return ({ plugin, phase, outcome, roundTrips: trips }) => {
    const labels = phases.of(plugins.of(none, plugin), phase)
    events.inc(ends.of(labels, outcome))
    roundTrips.observe(labels, trips)
  }
}
