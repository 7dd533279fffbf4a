import { Counter, type Metric } from 'prom-client'
import { Buckets } from './buckets.js'

/** The labels of a series. Series are told apart by this object, not by what it says: make it once (`ModelNames`). */
export type Labels = Readonly<Record<string, string>>

/** Label sets with one label more, made once. */
export class MoreLabels {
  readonly #made = new Map<Labels, Map<string, Labels>>()

  constructor(private readonly name: string) {}

  of(labels: Labels, value: string): Labels {
    let byValue = this.#made.get(labels)
    if (!byValue) this.#made.set(labels, (byValue = new Map()))
    let made = byValue.get(value)
    if (!made) byValue.set(value, (made = { ...labels, [this.name]: value }))
    return made
  }
}

/**
 * A counter that every exchange adds to. prom-client would hash the labels each time, which for ten metrics costs more than
 * all the rest that is known of an exchange; here it is asked when somebody looks.
 */
export class SeriesCounter {
  readonly #counts = new Map<Labels, number>()
  readonly metric: Metric

  constructor(name: string, help: string, labelNames: readonly string[]) {
    const counts = this.#counts
    this.metric = new Counter({
      name,
      help,
      labelNames: [...labelNames],
      registers: [],
      collect() {
        this.reset()
        for (const [labels, count] of counts) this.inc(labels, count)
      },
    })
  }

  inc(labels: Labels, count = 1): void {
    this.#counts.set(labels, (this.#counts.get(labels) ?? 0) + count)
  }
}

/** The same of a histogram. */
export class SeriesHistogram {
  readonly #series = new Map<Labels, Buckets>()
  readonly metric: Metric

  /** @param bounds ascending */
  constructor(
    name: string,
    help: string,
    private readonly bounds: readonly number[],
  ) {
    this.metric = bucketsMetric(name, help, this.#series)
  }

  observe(labels: Labels, value: number): void {
    let buckets = this.#series.get(labels)
    if (!buckets) this.#series.set(labels, (buckets = new Buckets(this.bounds)))
    buckets.observe(value)
  }
}

/** Histograms of ours, as prom-client writes them. */
export function bucketsMetric(name: string, help: string, series: Iterable<[Labels, Buckets]>): Metric {
  const metric = {
    name,
    help,
    get: () =>
      Promise.resolve({
        name,
        help,
        type: 'histogram',
        aggregator: 'sum',
        values: [...series].flatMap(([labels, buckets]) => valuesOf(name, labels, buckets)),
      }),
  }
  return metric as unknown as Metric
}

function valuesOf(name: string, labels: Labels, { bounds, counts, sum }: Buckets) {
  let count = 0
  const below = counts.map((one, place) => {
    count += one
    const le = bounds[place] ?? '+Inf'
    return { metricName: `${name}_bucket`, labels: { le, ...labels }, value: count }
  })
  return [
    ...below,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ]
}
