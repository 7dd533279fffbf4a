import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../lib/llm/json.js'
import { aiConfig, aiGateway, errorOf, messages, post } from '../../support/ai-gateway.js'
import {
  answering,
  COMPLETION,
  EVENTS,
  JSON_TYPE,
  provider,
  SSE_TYPE,
  STREAM,
  type Provider,
} from '../../support/ai-provider.js'

const { usage: USAGE, ...OTHERS } = EVENTS
const WITHOUT_USAGE = Object.values(OTHERS).join('')

const before = (upstream: Provider, config: JsonObject = {}) => aiGateway(aiConfig(upstream.url, config))

describe('what reaches OpenAI', () => {
  it("is the client's own bytes where nothing must change", async () => {
    const upstream = await answering(200, JSON_TYPE, COMPLETION)
    const gateway = await before(upstream)
    const body = `{ "model":"gpt-4o", "seed": 12345678901234567890, "messages" :${JSON.stringify(messages)},"x":1.0}`
    const headers = { 'content-type': 'application/json; charset=utf-8' }
    await fetch(`${gateway.url}/chat`, { method: 'POST', body, headers })
    const [request] = upstream.requests
    expect(request).toMatchObject({ method: 'POST', url: '/v1/chat/completions' })
    expect(request?.body.toString()).toBe(body)
    expect(request?.headers).toMatchObject({ 'content-type': 'application/json', accept: 'application/json' })
  })

  it.each([
    ['a small request', messages],
    ['a large one', [{ role: 'user', content: 'Say "this" again, \\ and again. '.repeat(8000) }]],
  ])('is the own bytes of %s with what they lack behind them', async (_, said) => {
    const upstream = await answering(200, SSE_TYPE, STREAM)
    const gateway = await before(upstream)
    const body = `{ "seed": 12345678901234567890, "messages" :${JSON.stringify(said)},"stream":true`
    const headers = { 'content-type': 'application/json' }
    await fetch(`${gateway.url}/chat`, { method: 'POST', body: `${body}}\n`, headers })
    const added = '"model":"gpt-4o","stream_options":{"include_usage":true}'
    expect(upstream.requests[0]?.body.toString()).toBe(`${body},${added}}`)
  })

  it('has every field that we do not know', async () => {
    const upstream = await answering(200, JSON_TYPE, COMPLETION)
    const gateway = await before(upstream)
    const body = { messages, tools: [], store: true, x_new: { a: [1] }, response_format: { type: 'text' } }
    await post(gateway, body)
    expect(upstream.bodies()[0]).toEqual({ ...body, model: 'gpt-4o' })
  })

  it.each([
    [undefined, { include_usage: true }],
    [
      { include_usage: false, other: 1 },
      { include_usage: true, other: 1 },
    ],
  ])('asks for usage in every stream: %j', async (asked, gone) => {
    const upstream = await answering(200, SSE_TYPE, STREAM)
    await post(await before(upstream), { messages, stream: true, stream_options: asked })
    expect(upstream.bodies()[0]).toEqual({
      messages,
      model: 'gpt-4o',
      stream: true,
      stream_options: gone,
    })
    expect(upstream.requests[0]?.headers.accept).toBe('text/event-stream')
  })
})

describe('a large request', () => {
  const content = 'Say "this" again, \\ and again. '.repeat(8000)
  const large = [{ role: 'user', content }]
  const send = (gateway: { url: string }, body: string) =>
    fetch(`${gateway.url}/chat`, { method: 'POST', body, headers: { 'content-type': 'application/json' } })

  it("is the client's own bytes where nothing must change", async () => {
    const upstream = await answering(200, JSON_TYPE, COMPLETION)
    const body = `{ "model":"gpt-4o", "messages" :${JSON.stringify(large)},"x":1.0}`
    await send(await before(upstream), body)
    expect(upstream.requests[0]?.body.toString()).toBe(body)
  })

  it('is written anew, whole, where something must change', async () => {
    const upstream = await answering(200, SSE_TYPE, STREAM)
    await post(await before(upstream), { messages: large, stream: true })
    expect(upstream.bodies()[0]).toEqual({
      messages: large,
      model: 'gpt-4o',
      stream: true,
      stream_options: { include_usage: true },
    })
  })

  it('that names its model twice goes on as it was read', async () => {
    const upstream = await answering(200, JSON_TYPE, COMPLETION)
    const body = `{"model":"other","messages":${JSON.stringify(large)},"model":"gpt-4o"}`
    await send(await before(upstream), body)
    expect(upstream.requests[0]?.body.toString()).toBe(JSON.stringify({ model: 'gpt-4o', messages: large }))
  })

  it('is counted by all of its text', async () => {
    const { usage: _, ...uncounted } = JSON.parse(COMPLETION) as JsonObject
    const upstream = await answering(200, JSON_TYPE, JSON.stringify(uncounted))
    const answer = await post(await before(upstream), { model: 'gpt-4o', messages: large })
    const { usage } = (await answer.json()) as { usage: { prompt_tokens: number } }
    expect(usage.prompt_tokens).toBeGreaterThan(8000 * 8)
  })
})

describe("OpenAI's answer", () => {
  const headers = {
    'x-request-id': 'req_1',
    'openai-processing-ms': '12',
    'x-ratelimit-remaining-tokens': '99',
    'set-cookie': ['__cf_bm=1', 'b=2'],
    server: 'cloudflare',
    'openai-organization': 'org-1',
    'x-of-the-provider': '1',
  }
  const kept = {
    'x-request-id': 'req_1',
    'openai-processing-ms': '12',
    'x-ratelimit-remaining-tokens': '99',
    'x-kong-llm-model': 'openai/gpt-4o',
  }
  const dropped = ['set-cookie', 'server', 'openai-organization', 'x-of-the-provider']

  it('passes byte by byte', async () => {
    const upstream = await answering(200, { ...JSON_TYPE, ...headers }, COMPLETION)
    const response = await post(await before(upstream), { messages })
    expect(await response.text()).toBe(COMPLETION)
    expect(response.status).toBe(200)
    expect(Object.fromEntries(response.headers)).toMatchObject({
      ...kept,
      'content-type': 'application/json; charset=utf-8',
      'content-length': String(Buffer.byteLength(COMPLETION)),
    })
    for (const name of dropped) expect(response.headers.get(name)).toBeNull()
  })

  it('passes byte by byte as a stream, with the usage that the client asked for', async () => {
    const upstream = await answering(
      200,
      { 'content-type': 'text/event-stream; charset=utf-8', ...headers },
      STREAM,
    )
    const asked = { messages, stream: true, stream_options: { include_usage: true } }
    const response = await post(await before(upstream), asked)
    expect(await response.text()).toBe(STREAM)
    expect(Object.fromEntries(response.headers)).toMatchObject({
      ...kept,
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache',
      'x-accel-buffering': 'no',
    })
    for (const name of dropped) expect(response.headers.get(name)).toBeNull()
  })

  it('passes without the usage that only we asked for', async () => {
    const upstream = await answering(200, SSE_TYPE, STREAM)
    const response = await post(await before(upstream), { messages, stream: true })
    expect(await response.text()).toBe(WITHOUT_USAGE)
  })

  it('keeps its comments and fields, and ends with exactly one [DONE]', async () => {
    const odd = `: hi\n\n${EVENTS.role}id: 7\n${EVENTS.hello}: ping\n\n${EVENTS.finish}`
    const upstream = await answering(200, SSE_TYPE, `${odd}data:[DONE]\n\ndata: [DONE]\n\n${EVENTS.hello}`)
    const response = await post(await before(upstream), { messages, stream: true })
    expect(await response.text()).toBe(`${odd}data: [DONE]\n\n`)
  })

  it.each([['\r\n'], ['\r']])('has its lines end alike where they ended in %j', async (end) => {
    const upstream = await answering(200, SSE_TYPE, STREAM.replaceAll('\n', end))
    const response = await post(await before(upstream), { messages, stream: true })
    expect(await response.text()).toBe(WITHOUT_USAGE)
  })

  it('gets the [DONE] that a server leaves out after it finished', async () => {
    const upstream = await answering(200, SSE_TYPE, EVENTS.role + EVENTS.hello + EVENTS.finish)
    const response = await post(await before(upstream), { messages, stream: true })
    expect(await response.text()).toBe(EVENTS.role + EVENTS.hello + EVENTS.finish + EVENTS.done)
  })

  it.each([201, 202])('is an answer with status %i too', async (status) => {
    const upstream = await answering(status, JSON_TYPE, COMPLETION)
    const response = await post(await before(upstream), { messages })
    expect([response.status, await response.text()]).toEqual([status, COMPLETION])
  })

  it.each([
    ['of another shape', JSON_TYPE, '{"answer":1}', "'choices' not in llm/v1/chat response"],
    ['no JSON', JSON_TYPE, '<h1>hi</h1>', 'failed to decode llm/v1/chat response'],
    ['a page', { 'content-type': 'text/html' }, '<h1>hi</h1>', 'failed to decode llm/v1/chat response'],
    ['nothing', {}, '', 'failed to decode llm/v1/chat response'],
  ])('is an error where it is %s', async (_, type, body, detail) => {
    const upstream = await answering(200, type, body)
    const response = await post(await before(upstream), { messages })
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8')
    expect(await errorOf(response)).toEqual({
      status: 500,
      error: {
        message: `transformation failed from type openai://llm/v1/chat: ${detail}`,
        type: 'upstream_error',
        param: null,
        code: 'transformation_failed',
      },
    })
  })

  it('becomes a stream where it came whole although a stream was asked for', async () => {
    const upstream = await answering(200, JSON_TYPE, COMPLETION)
    const asked = { messages, stream: true, stream_options: { include_usage: true } }
    const response = await post(await before(upstream), asked)
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    const events = (await response.text()).split('\n\n')
    expect(events.slice(-2)).toEqual(['data: [DONE]', ''])
    const chunks = events.slice(0, -2).map((event) => JSON.parse(event.slice(6)) as JsonObject)
    expect(JSON.stringify(chunks)).toContain('"content":"Hé you"')
    expect(chunks.at(-2)).toMatchObject({ choices: [{ finish_reason: 'stop' }] })
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: 37 } })
  })

  it('becomes whole where it was streamed unasked', async () => {
    const upstream = await answering(200, SSE_TYPE, STREAM)
    const response = await post(await before(upstream), { messages })
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8')
    expect(await response.json()).toMatchObject({
      object: 'chat.completion',
      id: 'chatcmpl-7',
      choices: [{ message: { role: 'assistant', content: 'Hello 你好' }, finish_reason: 'stop' }],
      usage: { total_tokens: 37 },
    })
  })
})

describe('an answer that is compressed although identity was asked for', () => {
  const codings = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync }

  it.each(Object.entries(codings))('%s, whole', async (coding, compress) => {
    const upstream = await answering(200, { ...JSON_TYPE, 'content-encoding': coding }, compress(COMPLETION))
    const response = await post(await before(upstream), { messages })
    expect(response.headers.get('content-encoding')).toBeNull()
    expect(await response.text()).toBe(COMPLETION)
    expect(upstream.requests[0]?.headers['accept-encoding']).toBe('identity')
  })

  it.each(Object.entries(codings))('%s, streamed', async (coding, compress) => {
    const upstream = await answering(200, { ...SSE_TYPE, 'content-encoding': coding }, compress(STREAM))
    const response = await post(await before(upstream), { messages, stream: true })
    expect(response.headers.get('content-encoding')).toBeNull()
    expect(await response.text()).toBe(WITHOUT_USAGE)
  })

  it.each([401, 500])('gzip, an error %i', async (status) => {
    const body = gzipSync('{"error":{"message":"no"}}')
    const upstream = await answering(status, { ...JSON_TYPE, 'content-encoding': 'gzip' }, body)
    const response = await post(await before(upstream), { messages })
    expect(response.headers.get('content-encoding')).toBeNull()
    expect(await errorOf(response)).toMatchObject({ status, error: { message: 'no' } })
  })

  it.each([
    ['of the wrong shape', gzipSync('{}'), 500],
    ['that breaks off', gzipSync(COMPLETION).subarray(0, 40), 502],
    ['that is none', Buffer.from(COMPLETION), 502],
  ])('gzip %s', async (_, body, status) => {
    const upstream = await answering(200, { ...JSON_TYPE, 'content-encoding': 'gzip' }, body)
    const response = await post(await before(upstream), { messages })
    expect(response.headers.get('content-encoding')).toBeNull()
    expect((await errorOf(response)).status).toBe(status)
  })

  it('of a kind that nobody knows', async () => {
    const upstream = await answering(200, { ...JSON_TYPE, 'content-encoding': 'lzw' }, 'x')
    const { status, error } = await errorOf(await post(await before(upstream), { messages }))
    expect({ status, code: error.code }).toEqual({ status: 502, code: 'upstream_rejected' })
    expect(error.message).toContain("'lzw'")
  })

  it('gzip of a stream: a frame leaves as soon as its decoder gives it', async () => {
    const { createGzip, constants } = await import('node:zlib')
    const upstream = await provider(({ head }) => head(200, { ...SSE_TYPE, 'content-encoding': 'gzip' }))
    const gateway = await before(upstream)
    const pending = post(gateway, { messages, stream: true })
    const { response: out } = await upstream.turn(0)
    const gzip = createGzip({ flush: constants.Z_SYNC_FLUSH })
    gzip.pipe(out)
    gzip.write(EVENTS.hello)
    const reader = (await pending).body!.getReader()
    expect(Buffer.from((await reader.read()).value).toString()).toBe(EVENTS.hello)
    gzip.end(EVENTS.finish + EVENTS.done)
    expect(Buffer.from((await reader.read()).value).toString()).toBe(EVENTS.finish + EVENTS.done)
    await reader.cancel()
  })
})

it('sends no usage where the client said so itself', async () => {
  const upstream = await answering(200, SSE_TYPE, STREAM)
  const asked = { messages, stream: true, stream_options: { include_usage: false } }
  expect(await (await post(await before(upstream), asked)).text()).not.toContain(USAGE)
})
