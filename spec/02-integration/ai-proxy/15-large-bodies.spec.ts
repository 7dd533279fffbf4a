import { afterEach, describe, expect, it, vi } from 'vitest'
import type { JsonObject } from '../../../lib/llm/json.js'
import { letGo } from '../../../lib/pdk/held-bytes.js'
import type { Kong } from '../../../lib/pdk/kong.js'
import { spareMemory } from '../../../lib/pdk/spare-memory.js'
import { aiConfig, aiGateway, phases, post, type AiGatewayOptions } from '../../support/ai-gateway.js'
import {
  answering,
  COMPLETION,
  EVENTS,
  JSON_TYPE,
  provider,
  SSE_TYPE,
  type Provider,
} from '../../support/ai-provider.js'
import { object } from '../../support/json.js'

const request = { model: 'gpt-4o', messages: [{ role: 'user', content: 'Say it again. '.repeat(40_000) }] }

const good = () => answering(200, JSON_TYPE, COMPLETION)

function before(upstream: Provider, config: JsonObject = {}, options: AiGatewayOptions = {}) {
  return aiGateway(aiConfig(upstream.url, { logging: { log_statistics: true }, ...config }), options)
}

/** The memories that the gateway takes for bodies of this size. */
function memories(size: number): () => Buffer[] {
  const { mock } = vi.spyOn(spareMemory, 'take')
  return () => mock.results.filter((_, n) => mock.calls[n]![0] === size).map(({ value }) => value as Buffer)
}

afterEach(() => vi.restoreAllMocks())

describe('the memory of a large request', () => {
  it.each([
    ['goes on as it came', 'openai', request],
    ['gets fields that it lacks', 'openai', { ...request, model: undefined }],
    ['is written anew', 'openai', { ...request, top_k: 1 }],
    ['is translated', 'anthropic', request],
  ])('is free when its exchange is over: one that %s', async (_, name, asked) => {
    const gateway = await before(await good(), { model: { provider: name } })
    const made = memories(JSON.stringify(asked).length)
    await (await post(gateway, asked)).text()
    await gateway.entry()
    expect(made()).toHaveLength(1)
    await expect.poll(() => made()[0]!.length).toBe(0)
  })

  it('is there for as long as a plugin has it', async () => {
    let kept: Buffer | undefined
    const keeper = phases('keeper', {
      async access(kong: Kong) {
        kept = await kong.request.getRawBody()
      },
    })
    const upstream = await good()
    const gateway = await before(upstream, {}, { modules: [keeper] })
    await (await post(gateway, request)).text()
    await gateway.entry()
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(kept!.toString()).toBe(JSON.stringify(request))
    const first = kept!
    const other = { ...request, user: 'another' }
    await (await post(gateway, other)).text()
    expect(first.toString()).toBe(JSON.stringify(request))
    expect(kept!.toString()).toBe(JSON.stringify(other))
    expect(upstream.bodies()).toEqual([request, other])
  })

  it('has the next one then, whoever still looks at it', async () => {
    let seen: Buffer | undefined
    const peeper = phases('peeper', {
      async access(kong: Kong) {
        seen ??= await kong.request.getRawBody()
        letGo(seen!)
      },
    })
    const upstream = await good()
    const gateway = await before(upstream, {}, { modules: [peeper] })
    await (await post(gateway, request)).text()
    await expect.poll(() => seen!.length).toBe(0)
    const made = vi.spyOn(Buffer, 'allocUnsafeSlow')
    await (await post(gateway, { ...request, user: 'another' })).text()
    expect(made.mock.calls.filter(([size]) => size > 100_000)).toEqual([])
    expect(seen!.length).toBe(0)
    expect(upstream.bodies()).toEqual([request, { ...request, user: 'another' }])
  })

  it('is there for the next target', async () => {
    const [bad, upstream] = [await answering(500, JSON_TYPE, '{}'), await good()]
    const other = aiConfig(upstream.url) as { model: JsonObject; auth: JsonObject; route_type?: string }
    delete other.route_type
    const gateway = await before(bad, {
      targets: [other],
      balancer: { algorithm: 'priority', failover_criteria: ['http_500'] },
    })
    expect((await post(gateway, request)).status).toBe(200)
    expect(bad.bodies()).toEqual([request])
    expect(upstream.bodies()).toEqual([request])
  })

  it('is there for a count of what its client left unread', async () => {
    const upstream = await provider(({ head, response }) => {
      head(200, SSE_TYPE)
      response.write(EVENTS.role + EVENTS.hello)
    })
    const gateway = await before(upstream)
    const client = new AbortController()
    const asked = { ...request, stream: true, stream_options: { include_usage: true } }
    const response = await post(gateway, asked, { signal: client.signal })
    await response.body!.getReader().read()
    client.abort()
    const { ai } = await gateway.entry()
    const usage = object(object(object(ai).proxy).usage)
    expect(usage.prompt_tokens).toBeGreaterThan(40_000)
  })
})
