import { describe, expect, it } from 'vitest'
import type { Snapshot } from '../../../lib/runtime/live/live-rows.js'
import { aiConfig, messages } from '../../support/ai-gateway.js'
import { answering, EVENTS, JSON_TYPE, COMPLETION, provider, SSE_TYPE } from '../../support/ai-provider.js'
import { scrape, type Scrape } from '../../support/prometheus.js'
import { snapshotWhere } from '../../support/snapshots.js'
import { askFor, workersGateway, type WorkersGateway, type WorkersOptions } from '../../support/workers.js'

/** Several processes start, on a machine that others use as well. Milliseconds. */
const TIMEOUT = 60_000

/** A gateway with ai-proxy in two workers. */
function aiWorkers(config: object, options: WorkersOptions = {}): Promise<WorkersGateway> {
  const plugins = [{ name: 'who' }, { name: 'ai-proxy', config }]
  const services = [{ name: 's', url: 'http://localhost:1', routes: [{ name: 'ai', paths: ['/'], plugins }] }]
  return workersGateway({ services }, options)
}

const chat = (stream: boolean) => JSON.stringify({ messages, stream })

/** Totals: what must never fall. */
function totals(metrics: Scrape): Map<string, number> {
  const found = new Map<string, number>()
  for (const name of metrics.names) {
    const type = metrics.types.get(name) ?? metrics.types.get(name.replace(/_(?:bucket|sum|count)$/, ''))
    if (type !== 'counter' && type !== 'histogram') continue
    for (const { labels, value } of metrics.samples(name))
      found.set(`${name} ${JSON.stringify(labels)}`, value)
  }
  return found
}

describe('metrics of workers', { timeout: TIMEOUT }, () => {
  it('add up, and no total falls when a worker ends', async () => {
    const upstream = await answering(200, JSON_TYPE, COMPLETION)
    const gateway = await aiWorkers(aiConfig(upstream.url))
    const served = new Set<number>()
    for (let i = 0; i < 8; i++) {
      const answer = await askFor(gateway.url, chat(false))
      expect(await answer.text()).toBe(COMPLETION)
      served.add(answer.worker)
    }
    expect(served.size).toBe(2)
    const counted = async (count: number): Promise<Scrape> => {
      for (;;) {
        const metrics = await scrape(gateway.statusUrl)
        if (metrics.value('kong_ai_llm_requests_total') === count) return metrics
      }
    }
    const before = await counted(8)
    expect(before.value('kong_ai_llm_tokens_total', { token_type: 'total_tokens' })).toBe(8 * 37)
    expect(before.value('kong_ai_llm_provider_latency_ms_count')).toBe(8)
    expect(before.value('kong_ai_open_exchanges')).toBe(0)
    // Three processes: one alone is half as large.
    expect(before.value('process_resident_memory_bytes')).toBeGreaterThan(1e8)
    expect(before.samples('nodejs_eventloop_lag_p99_seconds')).toHaveLength(1)
    expect(before.samples('process_start_time_seconds')).toHaveLength(1)

    const [killed] = served
    process.kill(killed!, 'SIGKILL')
    await gateway.pidsWhere((pids) => pids.length === 2 && !pids.includes(killed!))
    const after = totals(await scrape(gateway.statusUrl))
    for (const [series, value] of totals(before)) {
      expect([series, after.get(series)! >= value]).toEqual([series, true])
    }
    await (await askFor(gateway.url, chat(false))).text()
    await counted(9)
  })

  it('count what is open in all of them, and in those that are left', async () => {
    const openai = await provider()
    const gateway = await aiWorkers(aiConfig(openai.url))
    const asking = [askFor(gateway.url, chat(true)), askFor(gateway.url, chat(true))]
    for (const place of [0, 1]) {
      const turn = await openai.turn(place)
      turn.head(200, SSE_TYPE)
      turn.response.write(EVENTS.role + EVENTS.hello)
    }
    const answers = await Promise.all(asking)
    expect((await scrape(gateway.statusUrl)).value('kong_ai_open_streams')).toBe(2)
    const status = (await (await fetch(`${gateway.statusUrl}/status`)).json()) as object
    expect(status).toMatchObject({ server: { connections_active: 2, total_requests: 2 } })
    process.kill(answers[0]!.worker, 'SIGKILL')
    await gateway.pidsWhere((pids) => pids.length === 2 && !pids.includes(answers[0]!.worker))
    expect((await scrape(gateway.statusUrl)).value('kong_ai_open_streams')).toBe(1)
    const later = (await (await fetch(`${gateway.statusUrl}/status`)).json()) as object
    expect(later).toMatchObject({ server: { connections_active: 1, total_requests: 2 } })
    answers[1]!.message.destroy()
  })
})

describe('the live page of workers', { timeout: TIMEOUT }, () => {
  it('shows the streams of all, under way and finished', async () => {
    const openai = await provider()
    const gateway = await aiWorkers(aiConfig(openai.url), { args: ['--live-page'] })
    const asking = [askFor(gateway.url, chat(true)), askFor(gateway.url, chat(true))]
    const turns = [await openai.turn(0), await openai.turn(1)]
    for (const turn of turns) {
      turn.head(200, SSE_TYPE)
      turn.response.write(EVENTS.role + EVENTS.hello)
    }
    const answers = await Promise.all(asking)
    expect(new Set(answers.map(({ worker }) => worker)).size).toBe(2)
    const areOpen = ({ live }: Snapshot) => live.filter(({ state }) => state === 'open').length === 2
    const { open, live } = await snapshotWhere(gateway.statusUrl, areOpen)
    expect([open, live.map(({ route, model }) => `${route} ${model}`)]).toEqual([
      2,
      ['ai gpt-4o', 'ai gpt-4o'],
    ])
    for (const { response } of turns) response.end(EVENTS.finish + EVENTS.usage + EVENTS.done)
    for (const answer of answers) await answer.text()
    // Nobody has looked meanwhile: both come at once to the first who does.
    await expect
      .poll(async () => (await snapshotWhere(gateway.statusUrl, () => true)).finished.length)
      .toBe(2)
    expect(await snapshotWhere(gateway.statusUrl, () => true)).toMatchObject({
      open: 0,
      live: [],
      finished: [
        { state: 'done', tokens: 12 },
        { state: 'done', tokens: 12 },
      ],
    })
  })
})

describe('limits of streams', { timeout: TIMEOUT }, () => {
  it('are divided among the workers, and each may have one', async () => {
    const openai = await provider()
    for (const [limit, each] of [
      [5, 2],
      [1, 1],
    ] as const) {
      const before = openai.requests.length
      const gateway = await aiWorkers(aiConfig(openai.url, { limits: { max_streams: limit } }))
      const counts = new Map<number, number>()
      let refused = 0
      for (let i = 0; i < 2 * each + 2; i++) {
        const asking = askFor(gateway.url, chat(true))
        if (i < 2 * each) {
          const turn = await openai.turn(before + i)
          turn.head(200, SSE_TYPE)
          turn.response.write(EVENTS.role + EVENTS.hello)
        }
        const answer = await asking
        if (answer.status === 429) refused++
        else counts.set(answer.worker, (counts.get(answer.worker) ?? 0) + 1)
      }
      expect([[...counts.values()], refused]).toEqual([[each, each], 2])
    }
  })
})
