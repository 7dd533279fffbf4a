import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { logSink } from '../../../lib/runtime/log-sink.js'
import { aiConfig, aiGateway, messages, post, type AiGateway } from '../../support/ai-gateway.js'
import {
  answering,
  BodyReader,
  COMPLETION,
  EVENTS,
  JSON_TYPE,
  provider,
  SSE_TYPE,
  STREAM,
} from '../../support/ai-provider.js'
import { pluginHost } from '../../support/plugin-host.js'
import { scrape, type Scrape } from '../../support/prometheus.js'
import { silentLogger } from '../../support/silent-logger.js'

const PRICES = { options: { input_cost: 10, output_cost: 10 } }
const GPT = { ai_provider: 'openai', ai_model: 'gpt-4o' }

/** A scrape once `name` has a sample: an exchange is counted after its client has its end. */
async function scrapeOf(
  gateway: AiGateway,
  name: string,
  labels: Record<string, string> = {},
): Promise<Scrape> {
  for (;;) {
    const found = await scrape(gateway.statusUrl)
    if (found.value(name, labels) !== undefined) return found
  }
}

describe("Kong's metrics of models", () => {
  it('have its names, types, labels and buckets', async () => {
    const upstream = await answering(200, JSON_TYPE, COMPLETION)
    const gateway = await aiGateway(aiConfig(upstream.url, { model: PRICES }))
    await (await post(gateway, { messages })).text()
    const metrics = await scrapeOf(gateway, 'kong_ai_llm_requests_total')
    const labels = {
      ...GPT,
      cache_status: '',
      vector_db: '',
      embeddings_provider: '',
      embeddings_model: '',
      workspace: 'default',
    }
    expect(metrics.samples('kong_ai_llm_requests_total')).toEqual([{ labels, value: 1 }])
    expect(metrics.samples('kong_ai_llm_cost_total')).toEqual([{ labels, value: 0.00037 }])
    expect(metrics.samples('kong_ai_llm_tokens_total')).toEqual([
      { labels: { ...labels, token_type: 'prompt_tokens' }, value: 25 },
      { labels: { ...labels, token_type: 'completion_tokens' }, value: 12 },
      { labels: { ...labels, token_type: 'total_tokens' }, value: 37 },
    ])
    expect(metrics.types.get('kong_ai_llm_provider_latency_ms')).toBe('histogram')
    expect(metrics.samples('kong_ai_llm_provider_latency_ms_bucket').map(({ labels: { le } }) => le)).toEqual(
      '250 500 1000 1500 2000 2500 3000 3500 4000 4500 5000 10000 30000 60000 +Inf'.split(' '),
    )
    expect(metrics.value('kong_ai_llm_provider_latency_ms_count')).toBe(1)
  })

  it('count no request that the provider refused, whose answer has its own counter', async () => {
    const upstream = await answering(429, JSON_TYPE, '{"error":{"message":"slow down"}}')
    const gateway = await aiGateway(aiConfig(upstream.url))
    await (await post(gateway, { messages })).text()
    const metrics = await scrapeOf(gateway, 'kong_ai_llm_answers_total')
    expect(metrics.samples('kong_ai_llm_answers_total')).toEqual([
      { labels: { ai_provider: 'openai', ai_model: 'other', status: '429' }, value: 1 },
    ])
    expect(metrics.samples('kong_ai_llm_requests_total')).toEqual([])
  })

  it('are there without log_statistics, and say which tokens we counted ourselves', async () => {
    const { role, hello, finish, done } = EVENTS
    const upstream = await answering(200, SSE_TYPE, role + hello + finish + done)
    const gateway = await aiGateway(aiConfig(upstream.url))
    await (await post(gateway, { messages, stream: true })).text()
    const completion = { token_type: 'completion_tokens' }
    const metrics = await scrapeOf(gateway, 'kong_ai_llm_estimated_tokens_total', completion)
    expect(metrics.value('kong_ai_llm_estimated_tokens_total', completion)).toBeGreaterThan(0)
    expect(metrics.value('kong_ai_llm_tokens_total', completion)).toBe(
      metrics.value('kong_ai_llm_estimated_tokens_total', completion),
    )
  })
})

describe('metrics of streams', () => {
  it('show open streams, and what they took once they are over', async () => {
    const upstream = await provider()
    const gateway = await aiGateway(aiConfig(upstream.url))
    const answer = post(gateway, { messages, stream: true })
    const { head, response } = await upstream.turn(0)
    head(200, SSE_TYPE)
    response.write(EVENTS.role + EVENTS.hello)
    const reader = new BodyReader(await answer)
    await reader.next()
    const during = await scrape(gateway.statusUrl)
    expect(during.value('kong_ai_open_streams')).toBe(1)
    expect(during.value('kong_ai_open_exchanges')).toBe(1)
    expect(during.value('kong_ai_frame_latency_ms_count')).toBe(1)
    response.end(EVENTS.there + EVENTS.finish + EVENTS.usage + EVENTS.done)
    await reader.rest()
    const after = await scrapeOf(gateway, 'kong_ai_llm_first_token_ms_count')
    expect(after.value('kong_ai_open_streams')).toBe(0)
    expect(after.samples('kong_ai_llm_provider_first_token_ms_count')).toEqual([{ labels: GPT, value: 1 }])
    expect(after.value('kong_ai_llm_tokens_per_second_count')).toBe(1)
    expect(after.value('kong_ai_llm_first_token_ms_sum')).toBeGreaterThan(
      after.value('kong_ai_llm_provider_first_token_ms_sum')!,
    )
  })

  it('count aborts by who caused them', async () => {
    const upstream = await provider(({ head, response, body }) => {
      head(200, SSE_TYPE)
      response.write(EVENTS.role + EVENTS.hello, () => body.seed === 1 && response.destroy())
    })
    const gateway = await aiGateway(aiConfig(upstream.url, { timeouts: { idle: 500 } }))
    await (await post(gateway, { messages, stream: true, seed: 1 })).text()
    await (await post(gateway, { messages, stream: true, seed: 2 })).text()
    const leaving = new AbortController()
    const body = { messages, stream: true }
    await new BodyReader(await post(gateway, body, { signal: leaving.signal })).next()
    leaving.abort()
    const metrics = await scrapeOf(gateway, 'kong_ai_llm_aborts_total', { reason: 'client' })
    expect(metrics.samples('kong_ai_llm_aborts_total')).toEqual([
      { labels: { ...GPT, reason: 'provider' }, value: 1 },
      { labels: { ...GPT, reason: 'timeout' }, value: 1 },
      { labels: { ...GPT, reason: 'client' }, value: 1 },
    ])
  })

  it('name at most fifty models, and none that no provider has answered for', async () => {
    const upstream = await answering(200, SSE_TYPE, STREAM)
    const gateway = await aiGateway(aiConfig(upstream.url, { model: { name: undefined } }))
    const models = Array.from({ length: 60 }, (_, i) => `invented-${i}"\n`)
    for (const model of models) await (await post(gateway, { model, messages, stream: true })).text()
    const other = { ai_model: 'other' }
    let metrics = await scrapeOf(gateway, 'kong_ai_llm_requests_total', other)
    while (metrics.value('kong_ai_llm_requests_total', other)! < 10) metrics = await scrape(gateway.statusUrl)
    expect(metrics.samples('kong_ai_llm_requests_total')).toHaveLength(51)
    expect(metrics.samples('kong_ai_llm_requests_total')[0]!.labels.ai_model).toBe('invented-0"\n')
  })
})

describe('metrics of the process', () => {
  it('have memory and the delay of the event loop', async () => {
    const gateway = await aiGateway(aiConfig('http://localhost:1'))
    const metrics = await scrape(gateway.statusUrl)
    expect(metrics.value('process_resident_memory_bytes')).toBeGreaterThan(1e7)
    expect(metrics.value('nodejs_eventloop_lag_p99_seconds')).toBeGreaterThanOrEqual(0)
  })
})

describe('the Grafana dashboard', () => {
  it('asks for metrics that there are', async () => {
    const { host } = await pluginHost([], {
      statusListen: { host: '127.0.0.1', port: 0 },
      sink: logSink('http://localhost:1', silentLogger),
    })
    const { types } = await scrape(host.statusUrl!)
    const dashboard = readFileSync('examples/grafana-dashboard.json', 'utf8')
    expect(JSON.parse(dashboard)).toHaveProperty('panels')
    const asked = new Set(dashboard.match(/\b(?:kong_ai_|process_|nodejs_)\w+/g))
    expect(asked.size).toBeGreaterThan(20)
    const isThere = (name: string) => {
      const family = name.replace(/_(?:bucket|sum|count)$/, '')
      return types.get(family) === 'histogram' ? name !== family : types.has(name)
    }
    expect([...asked].filter((name) => !isThere(name))).toEqual([])
  })
})
