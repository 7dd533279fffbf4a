import http from 'node:http'
import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../lib/llm/json.js'
import { aiConfig, aiGateway, errorOf, messages, post } from '../../support/ai-gateway.js'
import { answering, COMPLETION, JSON_TYPE, STREAM, SSE_TYPE } from '../../support/ai-provider.js'

const openai = () => answering(200, JSON_TYPE, COMPLETION)

/** The gateway in front of a provider that answers every chat well. */
async function running(config: JsonObject = {}, options: Parameters<typeof aiGateway>[1] = {}) {
  const upstream = await openai()
  return { upstream, gateway: await aiGateway(aiConfig(upstream.url, config), options) }
}

describe("request errors, with Kong's words", () => {
  const NO_PROMPTS = "request body doesn't contain valid prompts"
  const cases: [what: string, config: JsonObject, body: unknown, message: string, param: string][] = [
    ['no messages', {}, {}, NO_PROMPTS, 'messages'],
    ['no message in them', {}, { messages: [] }, NO_PROMPTS, 'messages'],
    ['messages that are no list', {}, { messages: 'hi' }, NO_PROMPTS, 'messages'],
    ['a body that is no object', {}, [1], NO_PROMPTS, 'messages'],
    ['no prompt', { route_type: 'llm/v1/completions' }, { model: 'gpt-4o' }, NO_PROMPTS, 'prompt'],
    [
      'messages and a prompt',
      {},
      { messages, prompt: 'hi' },
      'request matches multiple LLM request formats',
      'prompt',
    ],
    [
      'a prompt on a chat route',
      {},
      { prompt: 'hi' },
      '[llm/v1/completions] message format is not compatible with [llm/v1/chat] route type',
      'prompt',
    ],
    [
      'messages on a completions route',
      { route_type: 'llm/v1/completions' },
      { messages },
      '[llm/v1/chat] message format is not compatible with [llm/v1/completions] route type',
      'messages',
    ],
    ['a model of its own', {}, { messages, model: 'o3' }, 'cannot use own model - must be: gpt-4o', 'model'],
    [
      'no model anywhere',
      { model: { name: null } },
      { messages },
      'model parameter not found in request, nor in gateway configuration',
      'model',
    ],
    [
      'an empty model and none configured',
      { model: { name: null } },
      { messages, model: '' },
      'model parameter not found in request, nor in gateway configuration',
      'model',
    ],
    [
      'a stream where there is none',
      { response_streaming: 'deny' },
      { messages, stream: true },
      'response streaming is not enabled for this LLM',
      'stream',
    ],
    ['a stream of another type', {}, { messages, stream: 'yes' }, "'stream' must be true or false", 'stream'],
  ]
  it.each(cases)('refuses %s', async (_, config, body, message, param) => {
    const { upstream, gateway } = await running(config)
    const response = await post(gateway, body)
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8')
    expect(response.headers.get('x-kong-llm-model')).toBeNull()
    expect(await errorOf(response)).toEqual({
      status: 400,
      error: { message, param, type: 'invalid_request_error', code: null },
    })
    expect(upstream.requests).toEqual([])
  })

  it.each([
    ['broken JSON', '{"messages":', 'application/json'],
    ['another type', JSON.stringify({ messages }), 'text/plain'],
    ['nothing', '', 'application/json'],
    ['a broken multipart form', 'x', 'multipart/form-data; boundary=a'],
  ])('takes %s for an empty request', async (_, body, type) => {
    const { gateway } = await running()
    const response = await fetch(gateway.url, { method: 'POST', body, headers: { 'content-type': type } })
    expect(await errorOf(response)).toMatchObject({ status: 400, error: { message: NO_PROMPTS } })
  })

  it('lets the client name the model where the config does not, each time anew', async () => {
    const { upstream, gateway } = await running({ model: { name: null } })
    for (const model of ['one', 'two', 'one']) {
      const response = await post(gateway, { messages, model })
      expect(response.headers.get('x-kong-llm-model')).toBe(`openai/${model}`)
    }
    expect(upstream.bodies().map(({ model }) => model)).toEqual(['one', 'two', 'one'])
  })

  it.each([
    '{"model":"gpt-4-expensive","messages":[{"role":"user","content":"hi"}],"model":"gpt-4o"}',
    '{"mod\\u0065l":"gpt-4-expensive","messages":[{"role":"user","content":"hi"}],"model":"gpt-4o"}',
  ])('sends a provider one model only: %s', async (body) => {
    const { upstream, gateway } = await running()
    const headers = { 'content-type': 'application/json' }
    expect((await fetch(gateway.url, { method: 'POST', body, headers })).status).toBe(200)
    expect(upstream.requests[0]!.body.toString()).not.toContain('expensive')
  })

  it.each([[{ model: null }], [{ model: '' }], [{ model: 7 }], [{ model: 'gpt-4o' }], [{}]])(
    'takes %j for the configured model',
    async (body) => {
      const { upstream, gateway } = await running()
      expect((await post(gateway, { messages, ...body })).status).toBe(200)
      expect(upstream.bodies()[0]?.model).toBe('gpt-4o')
    },
  )
})

describe('the size of a request', () => {
  const big = { messages: [{ role: 'user', content: 'x'.repeat(200) }] }
  const tooLarge = {
    status: 413,
    error: {
      message: 'request body is larger than max_request_body_size (128 bytes)',
      type: 'invalid_request_error',
      param: null,
      code: 'request_too_large',
    },
  }

  it('is known from content-length', async () => {
    const { upstream, gateway } = await running({ max_request_body_size: 128 })
    expect(await errorOf(await post(gateway, big))).toEqual(tooLarge)
    expect((await post(gateway, { messages })).status).toBe(200)
    expect(upstream.requests).toHaveLength(1)
  })

  it('is counted where a body comes in chunks, and its rest is not waited for', async () => {
    const { gateway } = await running({ max_request_body_size: 128 })
    const answer = await new Promise<http.IncomingMessage>((resolve, reject) => {
      const request = http.request(gateway.url, { method: 'POST' }, resolve).on('error', reject)
      request.write('x'.repeat(200)) // and no end
    })
    expect(answer.statusCode).toBe(413)
    answer.destroy()
  })

  it('has no limit with 0', async () => {
    const { gateway } = await running({ max_request_body_size: 0 })
    const content = 'x'.repeat(2 * 1024 * 1024)
    expect((await post(gateway, { messages: [{ role: 'user', content }] })).status).toBe(200)
  })
})

describe('forms', () => {
  it('makes JSON of one, its numbers and truths too', async () => {
    const upstream = await answering(200, SSE_TYPE, STREAM)
    const gateway = await aiGateway(
      aiConfig(upstream.url, { route_type: 'llm/v1/completions', model: { name: null } }),
    )
    const form = new URLSearchParams({ model: 'm', prompt: '42', max_tokens: '5', stream: 'true' })
    await fetch(gateway.url, { method: 'POST', body: form })
    expect(upstream.requests[0]?.headers['content-type']).toBe('application/json')
    expect(upstream.bodies()[0]).toEqual({
      model: 'm',
      prompt: '42',
      max_tokens: 5,
      stream: true,
      stream_options: { include_usage: true },
    })
  })

  it('makes JSON of one in which nothing else changes', async () => {
    const { upstream, gateway } = await running({ route_type: 'llm/v1/completions', model: { name: null } })
    await fetch(gateway.url, { method: 'POST', body: new URLSearchParams({ model: 'm', prompt: 'hi' }) })
    expect(upstream.bodies()).toEqual([{ model: 'm', prompt: 'hi' }])
  })

  it('reads a multipart form without its files', async () => {
    const { upstream, gateway } = await running()
    const form = new FormData()
    form.set('messages', JSON.stringify(messages))
    form.set('notes', new Blob(['secret']), 'notes.txt')
    expect((await fetch(gateway.url, { method: 'POST', body: form })).status).toBe(200)
    expect(upstream.bodies()).toEqual([{ messages, model: 'gpt-4o' }])
  })
})
