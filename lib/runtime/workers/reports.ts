import { isObject, type JsonObject } from '../../llm/json.js'
import { MAX_LIVE, type Snapshot } from '../live/live-rows.js'
import type { Status } from '../status.js'
import { MetricSums, type PlainMetric } from '../telemetry/metric-sums.js'
import type { Metrics } from '../telemetry/metrics.js'
import { within } from '../within.js'
import type { ReportMethods, WorkerState } from './report-methods.js'
import type { Worker } from './worker.js'

/** A worker that is busy for longer is reported as it was when it answered last. Milliseconds. */
const ANSWER_MS = 1000

export interface ReportsOptions {
  /** Those that serve. */
  workers(): readonly Worker<ReportMethods>[]
  /** Of this process. */
  readonly metrics: Metrics
  /** What this process has for `/status`, to be added. */
  server?(): JsonObject
}

/** What workers report, added up. */
export class Reports {
  readonly #options: ReportsOptions
  readonly #sums = new MetricSums()
  readonly #states = new Map<Worker<ReportMethods>, WorkerState>()
  /** Of the workers that are gone. */
  #gone: JsonObject = {}

  constructor(options: ReportsOptions) {
    this.#options = options
  }

  /** What it has counted stays in the sums. */
  onGone(worker: Worker<ReportMethods>): void {
    this.#sums.gone(worker)
    const state = this.#states.get(worker)
    this.#states.delete(worker)
    if (state) this.#gone = addUp([this.#gone, withoutActive(state.server)])
  }

  /** `/metrics` */
  async text(): Promise<string> {
    const { metrics } = this.#options
    this.#sums.set(this, await allOf((place) => metrics.plain(place)))
    await this.#fromAll(async (worker) => {
      const plain = await allOf((place) => worker.peer.ask('metric', place))
      if (worker.serves) this.#sums.set(worker, plain)
    })
    return this.#sums.text()
  }

  /** `/status` */
  async status(): Promise<Status> {
    const workers = this.#options.workers()
    await this.#fromAll(async (worker) => {
      const state = await worker.peer.ask('state', null)
      if (worker.serves) this.#states.set(worker, state)
    })
    const states = [...this.#states.values()].map(({ server }) => server)
    return {
      ready: workers.length > 0,
      body: {
        server: addUp([this.#gone, this.#options.server?.() ?? {}, ...states]),
        workers: [...this.#states].map(([{ pid }, state]) => ({ pid, memory: state.memory })),
      },
    }
  }

  /** For the live page. */
  async look(): Promise<Snapshot> {
    const all: Snapshot[] = []
    await this.#fromAll(async (worker) => {
      const snapshot = await worker.peer.ask('live', null)
      if (snapshot) all.push(snapshot)
    })
    return {
      open: all.reduce((sum, { open }) => sum + open, 0),
      live: all.flatMap(({ live }) => live).slice(-MAX_LIVE),
      finished: all.flatMap(({ finished }) => finished),
    }
  }

  async #fromAll(ask: (worker: Worker<ReportMethods>) => Promise<void>): Promise<void> {
    await within(ANSWER_MS, Promise.allSettled(this.#options.workers().map(ask)))
  }
}

/** Piece by piece: nobody's event loop is held up for long. */
async function allOf(metric: (place: number) => Promise<PlainMetric | null>): Promise<PlainMetric[]> {
  const all: PlainMetric[] = []
  for (let next = await metric(0); next !== null; next = await metric(all.length)) all.push(next)
  return all
}

/** Numbers of the same name, at any depth. */
function addUp(objects: readonly JsonObject[]): JsonObject {
  const sum: JsonObject = {}
  for (const [name, value] of objects.flatMap((one) => Object.entries(one))) {
    const present = sum[name]
    if (isObject(value)) sum[name] = addUp([isObject(present) ? present : {}, value])
    else sum[name] = Number(present ?? 0) + Number(value)
  }
  return sum
}

/** What was under way in a worker ended with it. */
function withoutActive(server: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(server).filter(([name]) => !name.endsWith('_active')))
}
