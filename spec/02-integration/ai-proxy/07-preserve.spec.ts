import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../lib/llm/json.js'
import { aiConfig, aiGateway, errorOf, post } from '../../support/ai-gateway.js'
import { answering, BodyReader, JSON_TYPE, provider, SSE_TYPE } from '../../support/ai-provider.js'

const EMBEDDINGS = '{ "object": "list", "data": [], "usage": {"prompt_tokens": 25, "total_tokens": 25} }'

async function running(config: JsonObject = {}) {
  const upstream = await answering(
    200,
    { ...JSON_TYPE, 'x-of-the-provider': '1', 'set-cookie': 'a=b' },
    EMBEDDINGS,
  )
  const model = { name: null, ...(config.model as JsonObject) }
  return {
    upstream,
    gateway: await aiGateway(
      aiConfig(`${upstream.url}/ignored`, { route_type: 'preserve', ...config, model }),
    ),
  }
}

describe('a preserve route', () => {
  it("keeps the client's path, query, method and bytes, and answers with the provider's", async () => {
    const { upstream, gateway } = await running()
    const body = '{ "model":"text-embedding-ada-002" ,"input": ["1.0"] }'
    const response = await fetch(`${gateway.url}/v1/embeddings?a=%20b`, {
      method: 'PUT',
      body,
      headers: { 'content-type': 'application/json; charset=utf-8', accept: 'application/json' },
    })
    expect(response.headers.get('x-kong-llm-model')).toBe('openai/text-embedding-ada-002')
    expect(response.headers.get('x-of-the-provider')).toBe('1')
    expect(response.headers.get('set-cookie')).toBeNull()
    expect(await response.text()).toBe(EMBEDDINGS)
    const [request] = upstream.requests
    expect(request).toMatchObject({ method: 'PUT', url: '/v1/embeddings?a=%20b' })
    expect(request?.body.toString()).toBe(body)
    expect(request?.headers['content-type']).toBe('application/json; charset=utf-8')
  })

  it('passes a request without a body, of no model', async () => {
    const { upstream, gateway } = await running()
    const response = await fetch(`${gateway.url}/v1/models`)
    expect(response.status).toBe(200)
    expect(response.headers.get('x-kong-llm-model')).toBeNull()
    expect(upstream.requests[0]).toMatchObject({ method: 'GET', url: '/v1/models' })
    expect(upstream.requests[0]?.headers['content-length']).toBeUndefined()
  })

  it('passes what is no JSON', async () => {
    const { upstream, gateway } = await running()
    const form = new FormData()
    form.set('model', 'whisper-1')
    form.set('file', new Blob([Buffer.from([0, 255, 254])]), 'a.wav')
    const response = await fetch(`${gateway.url}/v1/audio/transcriptions`, { method: 'POST', body: form })
    expect(response.headers.get('x-kong-llm-model')).toBe('openai/whisper-1')
    expect(upstream.requests[0]?.body.includes(Buffer.from([0, 255, 254]))).toBe(true)
    expect(upstream.requests[0]?.headers['content-type']).toMatch(/^multipart\/form-data; boundary=/)
  })

  it('passes a body that the client compressed, and says so', async () => {
    const { upstream, gateway } = await running()
    const body = gzipSync('{"input":"a"}')
    await fetch(gateway.url, { method: 'POST', body, headers: { 'content-encoding': 'gzip' } })
    expect(upstream.requests[0]?.body).toEqual(body)
    expect(upstream.requests[0]?.headers['content-encoding']).toBe('gzip')
  })

  it('does not mind another model', async () => {
    const { upstream, gateway } = await running({ model: { name: 'configured' } })
    const response = await post(gateway, { model: 'other' })
    expect(response.headers.get('x-kong-llm-model')).toBe('openai/configured')
    expect(upstream.bodies()).toEqual([{ model: 'other' }])
  })

  it('refuses a stream where there is none, and adds none where there always is', async () => {
    const denying = await running({ response_streaming: 'deny' })
    expect(await errorOf(await post(denying.gateway, { stream: true }))).toMatchObject({
      status: 400,
      error: { message: 'response streaming is not enabled for this LLM' },
    })
    expect((await post(denying.gateway, { stream: false })).status).toBe(200)
    expect(denying.upstream.bodies()).toEqual([{ stream: false }])
    const always = await running({ response_streaming: 'always' })
    expect(await (await post(always.gateway, { stream: 'odd' })).text()).toBe(EMBEDDINGS)
    expect(always.upstream.bodies()).toEqual([{ stream: 'odd' }])
  })

  it('takes upstream_path before the path of the client', async () => {
    const { upstream, gateway } = await running({ model: { options: { upstream_path: '/v2/embed' } } })
    await post(gateway, {}, { path: '/v1/embeddings?q=1' })
    expect(upstream.requests[0]?.url).toBe('/v2/embed?q=1')
  })

  it('has the headers that the API wants of every request', async () => {
    const { upstream, gateway } = await running({ model: { provider: 'anthropic' } })
    await post(gateway, {}, { path: '/v1/messages/count_tokens' })
    expect(upstream.requests[0]).toMatchObject({ url: '/v1/messages/count_tokens' })
    expect(upstream.requests[0]?.headers['anthropic-version']).toBe('2023-06-01')
  })

  it.each([
    [404, '{"detail": "no such thing"}'],
    [301, ''],
    [500, '<h1>oh</h1>'],
  ])('passes an answer of status %i as it is', async (status, body) => {
    const upstream = await answering(status, { 'content-type': 'text/x', location: '/elsewhere' }, body)
    const gateway = await aiGateway(aiConfig(upstream.url, { route_type: 'preserve' }))
    const response = await fetch(gateway.url, { redirect: 'manual' })
    expect([response.status, await response.text()]).toEqual([status, body])
    expect(response.headers.get('location')).toBe('/elsewhere')
    expect(response.headers.get('x-kong-llm-model')).toBeNull()
  })

  it('streams, each piece as it comes', async () => {
    const upstream = await provider(({ head }) => head(200, SSE_TYPE))
    const gateway = await aiGateway(aiConfig(upstream.url, { route_type: 'preserve' }))
    const pending = post(gateway, { stream: true })
    const { response: out } = await upstream.turn(0)
    out.write(': ping\n\nevent: a\nda')
    const reader = new BodyReader(await pending)
    expect(await reader.next()).toBe(': ping\n\nevent: a\nda')
    out.write('ta: {}\r\n\r\n')
    expect(await reader.next()).toBe('ta: {}\r\n\r\n')
    out.end()
    expect(await reader.next()).toBeUndefined()
  })

  it('breaks off where the provider does, as only that can say so', async () => {
    const upstream = await provider(({ head }) => head(200, SSE_TYPE))
    const gateway = await aiGateway(aiConfig(upstream.url, { route_type: 'preserve' }))
    const pending = post(gateway, { stream: true })
    const { response: out } = await upstream.turn(0)
    out.write('data: {}\n\n')
    const reader = new BodyReader(await pending)
    expect(await reader.next()).toBe('data: {}\n\n')
    out.destroy()
    await expect(reader.rest()).rejects.toThrow()
  })

  it('answers 502 where the provider breaks off before the first byte', async () => {
    const upstream = await provider(({ head, response }) => {
      head(200, SSE_TYPE)
      setImmediate(() => response.destroy())
    })
    const gateway = await aiGateway(aiConfig(upstream.url, { route_type: 'preserve' }))
    expect((await errorOf(await post(gateway, {}))).status).toBe(502)
  })
})
