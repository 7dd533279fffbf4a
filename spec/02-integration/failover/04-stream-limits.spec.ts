import { expect, it } from 'vitest'
import type { JsonObject } from '../../../lib/llm/json.js'
import { aiConfig, aiGateway, errorOf, messages, post } from '../../support/ai-gateway.js'
import { BodyReader, COMPLETION, EVENTS, JSON_TYPE, provider, SSE_TYPE } from '../../support/ai-provider.js'

const streamed = { messages, stream: true }

/** Streams begin and go on until the spec ends them; whole answers are given at once. */
const upstream = () =>
  provider(({ head, response, body }) => {
    if (body.stream !== true) {
      response.writeHead(200, JSON_TYPE).end(COMPLETION)
      return
    }
    head(200, SSE_TYPE)
    response.write(EVENTS.hello)
  })

const limited = async (url: string, limits: JsonObject) =>
  aiGateway(aiConfig(url, { limits, logging: { log_statistics: true } }))

async function begun(gateway: { url: string }, init: RequestInit = {}): Promise<BodyReader> {
  const body = new BodyReader(await post(gateway, streamed, init))
  expect(await body.next()).toBe(EVENTS.hello)
  return body
}

it('a stream too many is refused with 429, and gets through when another has ended', async () => {
  const provider = await upstream()
  const gateway = await limited(provider.url, { max_streams: 2 })
  const first = await begun(gateway)
  await begun(gateway)
  const refused = await post(gateway, streamed)
  expect(refused.headers.get('retry-after')).toBe('1')
  expect(await errorOf(refused)).toMatchObject({
    status: 429,
    error: { type: 'rate_limit_error', code: 'too_many_streams' },
  })
  expect(provider.requests).toHaveLength(2)
  ;(await provider.turn(0)).response.end(EVENTS.finish + EVENTS.done)
  await first.rest()
  await begun(gateway)
})

it('a client that goes away gives its place back', async () => {
  const provider = await upstream()
  const gateway = await limited(provider.url, { max_streams: 1 })
  const leaving = new AbortController()
  await begun(gateway, { signal: leaving.signal })
  leaving.abort()
  await gateway.entry()
  await begun(gateway)
})

it('a stream that fails gives its place back', async () => {
  const provider = await upstream()
  const gateway = await limited(provider.url, { max_streams: 1 })
  const body = await begun(gateway)
  ;(await provider.turn(0)).response.destroy()
  expect(await body.rest()).toContain('answer_cut_off')
  await gateway.entry()
  await begun(gateway)
})

it('answers that are not streamed do not count', async () => {
  const provider = await upstream()
  const gateway = await limited(provider.url, { max_streams: 1 })
  await begun(gateway)
  expect((await post(gateway, { messages })).status).toBe(200)
})

it('all streams of the process count for max_streams_total', async () => {
  const provider = await upstream()
  await begun(await limited(provider.url, {}))
  expect((await post(await limited(provider.url, { max_streams_total: 1 }), streamed)).status).toBe(429)
  await begun(await limited(provider.url, { max_streams_total: 2 }))
})
