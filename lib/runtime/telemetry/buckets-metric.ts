import type { Metric } from 'prom-client'
import type { Buckets } from './buckets.js'

/** A histogram of ours, as prom-client writes it. */
export function bucketsMetric(name: string, help: string, buckets: Buckets): Metric {
  const metric = {
    name,
    help,
    get: () =>
      Promise.resolve({ name, help, type: 'histogram', aggregator: 'sum', values: values(name, buckets) }),
  }
  return metric as unknown as Metric
}

function values(name: string, { bounds, counts, sum }: Buckets) {
  let count = 0
  const below = counts.map((one, place) => {
    count += one
    return { metricName: `${name}_bucket`, labels: { le: bounds[place] ?? '+Inf' }, value: count }
  })
  return [
    ...below,
    { metricName: `${name}_sum`, labels: {}, value: sum },
    { metricName: `${name}_count`, labels: {}, value: count },
  ]
}
