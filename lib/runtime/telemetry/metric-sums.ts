import { setImmediate } from 'node:timers/promises'
import type { MetricObjectWithValues, MetricValue } from 'prom-client'
import { promClient } from './prometheus.js'

/** A metric as plain data, as prom-client gives it. */
export type PlainMetric = Omit<MetricObjectWithValues<MetricValue<string>>, 'collect'>

/** Where prom-client's own way of adding up would hide what is looked for: one process that is late, and when all began. */
const AGGREGATORS: readonly (readonly [RegExp, string])[] = [
  [/^nodejs_eventloop_lag_(?!min_)/, 'max'],
  [/^process_start_time_seconds$/, 'min'],
]

/** What stays when its process is gone: what was counted, and not what was. */
const STAYS: ReadonlySet<string> = new Set(['counter', 'histogram'])

/** The metrics of several processes, added up. No total falls when one of them is gone. */
export class MetricSums {
  /** By process. */
  readonly #last = new Map<object, readonly PlainMetric[]>()
  /** Of all that are gone, added up. */
  #gone: PlainMetric[] = []

  /** What a process counts by now. */
  set(process: object, metrics: readonly PlainMetric[]): void {
    this.#last.set(process, metrics)
  }

  /** What it has counted stays. */
  gone(process: object): void {
    const last = this.#last.get(process)?.filter(({ type }) => STAYS.has(String(type))) ?? []
    this.#last.delete(process)
    this.#gone = byName([...this.#gone, ...last]).flatMap(plainSum)
  }

  /** Prometheus's text format. One metric a turn of the event loop. */
  async text(): Promise<string> {
    const texts: string[] = []
    for (const ones of byName([...[...this.#last.values()].flat(), ...this.#gone])) {
      texts.push(await sum(ones).metrics())
      await setImmediate()
    }
    return texts.join('\n')
  }
}

function byName(metrics: readonly PlainMetric[]): PlainMetric[][] {
  const found = new Map<string, PlainMetric[]>()
  for (const metric of metrics) {
    const ones = found.get(metric.name)
    if (ones) ones.push(metric)
    else found.set(metric.name, [metric])
  }
  return [...found.values()]
}

/** Of metrics of one name. */
function sum(ones: readonly PlainMetric[]) {
  const aggregator = AGGREGATORS.find(([name]) => name.test(ones[0]!.name))?.[1] ?? ones[0]!.aggregator
  return promClient().AggregatorRegistry.aggregate(ones.map((one) => [{ ...one, aggregator }]))
}

/** The sum as plain data again. */
function plainSum(ones: readonly PlainMetric[]): PlainMetric[] {
  return sum(ones)
    .getMetricsAsArray()
    .map((metric) => {
      const { name, help, type, aggregator, values } = metric as unknown as PlainMetric
      return { name, help, type, aggregator, values }
    })
}
