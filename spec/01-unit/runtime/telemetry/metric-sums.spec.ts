import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import { MetricSums, type PlainMetric } from '../../../../lib/runtime/telemetry/metric-sums.js'
import { Scrape } from '../../../support/prometheus.js'

/** A process that has answered some requests, one of which is open. */
async function counting(requests: number, late: number): Promise<PlainMetric[]> {
  const registry = new Registry()
  const registers = [registry]
  new Counter({ name: 'requests_total', help: 'r', labelNames: ['model'], registers }).inc(
    { model: `m${requests}` },
    requests,
  )
  new Counter({ name: 'all_total', help: 'a', registers }).inc(requests)
  new Gauge({ name: 'open', help: 'o', registers }).set(1)
  new Gauge({
    name: 'nodejs_eventloop_lag_p99_seconds',
    help: 'l',
    aggregator: 'average',
    registers,
  }).set(late)
  const took = new Histogram({ name: 'took_ms', help: 't', buckets: [10, 100], registers })
  for (let i = 0; i < requests; i++) took.observe(i === 0 ? 5 : 50)
  // As it crosses between processes.
  return JSON.parse(JSON.stringify(await registry.getMetricsAsJSON())) as PlainMetric[]
}

const scrapeOf = async (sums: MetricSums) => new Scrape(await sums.text())

describe('MetricSums', () => {
  it('adds up counters, gauges and histograms by their labels, and takes the worst delay', async () => {
    const sums = new MetricSums()
    sums.set({}, await counting(2, 0.1))
    sums.set({}, await counting(3, 0.7))
    const all = await scrapeOf(sums)
    expect(all.value('all_total')).toBe(5)
    expect(all.value('requests_total', { model: 'm2' })).toBe(2)
    expect(all.value('requests_total', { model: 'm3' })).toBe(3)
    expect(all.value('open')).toBe(2)
    expect(all.value('nodejs_eventloop_lag_p99_seconds')).toBe(0.7)
    expect(all.value('took_ms_count')).toBe(5)
    expect(all.value('took_ms_bucket', { le: '10' })).toBe(2)
    expect(all.value('took_ms_bucket', { le: '100' })).toBe(5)
    expect(all.value('took_ms_bucket', { le: '+Inf' })).toBe(5)
    expect(all.types.get('took_ms')).toBe('histogram')
  })

  it('takes what a process counts by now for what it counted before', async () => {
    const sums = new MetricSums()
    const process = {}
    sums.set(process, await counting(2, 0))
    sums.set(process, await counting(3, 0))
    expect((await scrapeOf(sums)).value('all_total')).toBe(3)
  })

  it('keeps what processes have counted that are gone, and nothing of what they were', async () => {
    const sums = new MetricSums()
    for (const requests of [1, 2, 3]) {
      const process = {}
      sums.set(process, await counting(requests, 1))
      sums.gone(process)
      // Nobody knows it any more.
      sums.gone(process)
    }
    const alone = await scrapeOf(sums)
    expect([alone.value('all_total'), alone.value('open')]).toEqual([6, undefined])
    sums.set({}, await counting(4, 0))
    const all = await scrapeOf(sums)
    expect([all.value('all_total'), all.value('open'), all.value('took_ms_count')]).toEqual([10, 1, 10])
    expect(all.value('nodejs_eventloop_lag_p99_seconds')).toBe(0)
  })
})
