import type { JsonObject } from '../../llm/json.js'
import type { Snapshot } from '../live/live-rows.js'
import { memory } from '../status.js'
import type { PlainMetric } from '../telemetry/metric-sums.js'
import type { Observation } from '../telemetry/observation.js'
import type { WorkerMethods } from './worker-process.js'

/** What operators want to know of a worker. */
export interface ReportMethods extends WorkerMethods {
  /** As `Metrics.plain`. */
  metric(place: number): Promise<PlainMetric | null>
  state(none: null): WorkerState
  live(none: null): Snapshot | null
}

/** What a worker says for `/status`. */
export interface WorkerState {
  /** Numbers, which are added up. */
  readonly server: JsonObject
  readonly memory: JsonObject
}

/** What a worker answers its parent. @param observed absent where nobody will ask */
export function reportMethods(
  observed: Observation | undefined,
  server: () => JsonObject,
): Pick<ReportMethods, 'metric' | 'state' | 'live'> {
  return {
    metric: async (place) => (await observed?.metrics.plain(place)) ?? null,
    state: () => ({ server: server(), memory: memory() }),
    live: () => observed?.live?.snapshot() ?? null,
  }
}
