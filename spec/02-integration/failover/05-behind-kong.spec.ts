import { expect, it } from 'vitest'
import type { JsonObject } from '../../../lib/llm/json.js'
import * as aiProxy from '../../../plugins/ai-proxy/index.js'
import { aiConfig, messages, post } from '../../support/ai-gateway.js'
import {
  answering,
  BodyReader,
  EVENTS,
  JSON_TYPE,
  provider,
  SSE_TYPE,
  STREAM,
} from '../../support/ai-provider.js'
import { readAsClient } from '../../support/streams.js'
import { pluginHost } from '../../support/plugin-host.js'

const HEARTBEAT = ': heartbeat\n\n'
const streamed = { messages, stream: true }

/** A Kong with ai-proxy on its route, the provider at `url`. */
async function aiKong(url: string, config: JsonObject) {
  const host = await pluginHost([aiProxy])
  return host.kong({ 'ai-proxy': aiConfig(url, config) })
}

it('fails over behind a Kong as in the gateway', async () => {
  const first = await answering(429, JSON_TYPE, '{"error":{"message":"slow down"}}')
  const second = await answering(200, SSE_TYPE, STREAM)
  const { model, auth } = aiConfig(second.url)
  const kong = await aiKong(first.url, {
    targets: [{ model: model!, auth: auth! }],
    balancer: { algorithm: 'priority', failover_criteria: ['http_429'] },
  })
  const response = await post(kong, streamed)
  expect(response.status).toBe(200)
  expect(await response.text()).toBe(STREAM.replace(EVENTS.usage, ''))
  expect([first.requests.length, second.requests.length]).toEqual([1, 1])
})

it('goes on with a stream behind a Kong that broke off after its first delta', async () => {
  const first = await provider(({ head, response }) => {
    head(200, SSE_TYPE)
    response.write(EVENTS.role + EVENTS.hello, () => response.destroy())
  })
  const second = await answering(200, SSE_TYPE, EVENTS.role + EVENTS.there + EVENTS.finish + EVENTS.done)
  const { model, auth } = aiConfig(second.url)
  const kong = await aiKong(first.url, {
    targets: [{ model: model!, auth: auth! }],
    balancer: { algorithm: 'priority', failover_after_first_delta: true },
  })
  const { whole, done } = readAsClient(Buffer.from(await (await post(kong, streamed)).text()))
  expect(done).toBe(true)
  expect(whole.choices).toMatchObject([{ message: { content: 'Hello 你好' }, finish_reason: 'stop' }])
})

it('sends heartbeats through Kong before the provider has answered, and cancels it in time', async () => {
  const upstream = await provider()
  const kong = await aiKong(upstream.url, { heartbeat_ms: 10, timeouts: { first_token: 1000 } })
  const response = await post(kong, streamed)
  expect(response.status).toBe(200)
  const body = new BodyReader(response)
  expect((await body.expect(HEARTBEAT)).startsWith(HEARTBEAT)).toBe(true)
  const turn = await upstream.turn(0)
  expect(turn.aborted()).toBe(false)
  expect(await body.rest()).toContain('"code":"upstream_timeout"')
  await turn.closed
  expect(turn.aborted()).toBe(true)
})
