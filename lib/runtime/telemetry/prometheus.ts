import { createRequire } from 'node:module'
import type * as PromClient from 'prom-client'
import type { Metric } from 'prom-client'
import type { ReadMetric } from './series.js'

/** Loaded when somebody looks for the first time: what is counted until then needs nothing of it. */
export function promClient(): typeof PromClient {
  const load = createRequire(import.meta.url)
  return load('prom-client')
}

let processes: readonly ReadMetric[] | undefined

/** Memory, CPU, event-loop delay, garbage collection, file descriptors: of the process, whatever runs in it. */
export function processMetrics(): readonly ReadMetric[] {
  if (!processes) {
    const { collectDefaultMetrics, Registry } = promClient()
    const registry = new Registry()
    collectDefaultMetrics({ register: registry })
    processes = registry
      .getMetricsAsArray()
      .map(({ name }) => ({ name, get: () => registry.getSingleMetric(name)!.get() }))
  }
  return processes
}

/** Prometheus's text format. */
export function metricText(metric: ReadMetric): Promise<string> {
  const { Registry } = promClient()
  const registry = new Registry()
  registry.registerMetric(metric as unknown as Metric)
  return registry.getSingleMetricAsString(metric.name)
}
