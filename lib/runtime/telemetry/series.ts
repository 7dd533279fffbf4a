import { Buckets } from './buckets.js'
import type { PlainMetric } from './metric-sums.js'

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

/** What is counted somewhere, read when somebody looks: that of a metric of prom-client's which prom-client's registry reads. */
export interface ReadMetric {
  readonly name: string
  get(): Promise<PlainMetric>
}

/**
 * A counter that every exchange adds to. prom-client's would hash the labels each time, which for ten metrics costs more
 * than all the rest that is known of an exchange.
 */
export class SeriesCounter {
  readonly #counts = new Map<Labels, { value: number }>()
  readonly metric: ReadMetric

  constructor(name: string, help: string) {
    this.metric = readMetric({ name, help, type: 'counter' }, () =>
      Array.from(this.#counts, ([labels, { value }]) => ({ labels, value })),
    )
  }

  inc(labels: Labels, count = 1): void {
    const known = this.#counts.get(labels)
    if (known) known.value += count
    else this.#counts.set(labels, { value: count })
  }
}

/** The same of a histogram. */
export class SeriesHistogram {
  readonly #series = new Map<Labels, Buckets>()
  readonly metric: ReadMetric

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
export function bucketsMetric(name: string, help: string, series: Iterable<[Labels, Buckets]>): ReadMetric {
  return readMetric({ name, help, type: 'histogram' }, () =>
    Array.from(series, ([labels, buckets]) => valuesOf(name, labels, buckets)).flat(),
  )
}

/** A metric whose values are asked for when somebody looks. */
export function readMetric(
  about: { name: string; help: string; type: 'counter' | 'gauge' | 'histogram' },
  values: () => PlainMetric['values'],
): ReadMetric {
  // prom-client's typed enum is by place, its values are these words.
  const type = about.type as unknown as PlainMetric['type']
  return {
    name: about.name,
    get: () => Promise.resolve({ ...about, type, aggregator: 'sum', values: values() }),
  }
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
