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

describe('templates in the config', () => {
  const name = 'n-$(headers.x-model)-$(query_params.size)-$(uri_captures.kind)'

  it('are filled in from headers, query and captures', async () => {
    const { upstream, gateway } = await running({ model: { name } }, { paths: ['~/ask/(?<kind>[a-z]+)$'] })
    const response = await post(
      gateway,
      { messages },
      {
        path: '/ask/fast?size=xl',
        headers: { 'X-Model': 'mini' },
      },
    )
    expect(response.headers.get('x-kong-llm-model')).toBe('openai/n-mini-xl-fast')
    expect(upstream.bodies()[0]?.model).toBe('n-mini-xl-fast')
  })

  it('are filled in in the options', async () => {
    const { upstream } = await running()
    const options = { upstream_url: `${upstream.url}/$(headers.x-where)/chat` }
    const gateway = await aiGateway(aiConfig('', { model: { options } }))
    await post(gateway, { messages }, { headers: { 'x-where': 'eu' } })
    expect(upstream.requests[0]?.url).toBe('/eu/chat')
  })

  it.each([
    ['$(headers.x-model)', 'headers key x-model was not provided'],
    ['$(query_params.m)', 'query_params key m was not provided'],
    ['$(uri_captures.m)', 'uri_captures key m was not provided'],
    ['a $(model)', "cannot parse expression for field 'a $(model)'"],
    ['$(cookies.a)', "source 'cookies' is not supported"],
  ])('refuse a request that does not fill in %s', async (template, message) => {
    const { upstream, gateway } = await running({ model: { name: template } })
    const { status, error } = await errorOf(await post(gateway, { messages }))
    expect({ status, message: error.message, param: error.param }).toEqual({
      status: 400,
      message,
      param: 'config.model.name',
    })
    expect(upstream.requests).toEqual([])
  })
})

describe('request and config', () => {
  it('let the request win for sampling, and the smaller limit', async () => {
    const options = { temperature: 0.5, top_p: 0.5, max_tokens: 100 }
    const { upstream, gateway } = await running({ model: { options } })
    await post(gateway, { messages })
    await post(gateway, { messages, temperature: 1, top_p: 0.1, max_tokens: 7 })
    await post(gateway, { messages, max_tokens: 700, temperature: 0 })
    expect(upstream.bodies().map(({ model: _, messages: __, ...set }) => set)).toEqual([
      { temperature: 0.5, top_p: 0.5, max_tokens: 100 },
      { temperature: 1, top_p: 0.1, max_tokens: 7 },
      { temperature: 0, top_p: 0.5, max_tokens: 100 },
    ])
  })

  it('stream always, if the config says so', async () => {
    const upstream = await answering(200, SSE_TYPE, STREAM)
    const gateway = await aiGateway(aiConfig(upstream.url, { response_streaming: 'always' }))
    for (const stream of [undefined, false, true]) {
      const response = await post(gateway, { messages, stream })
      expect(response.headers.get('content-type')).toBe('text/event-stream')
      expect(await response.text()).toMatch(/data: \[DONE\]\n\n$/)
    }
    expect(upstream.bodies().map(({ stream }) => stream)).toEqual([true, true, true])
  })

  it.each([[undefined], [null], [false]])('do not stream with stream: %j', async (stream) => {
    const { upstream, gateway } = await running({ response_streaming: 'deny' })
    expect(await (await post(gateway, { messages, stream })).text()).toBe(COMPLETION)
    expect(upstream.bodies()[0]?.stream ?? false).toBe(false)
  })
})

describe('where a request goes', () => {
  const paths: [what: string, path: string, options: JsonObject, gone: string][] = [
    ['the path of the API below a bare upstream_url', '', {}, '/v1/chat/completions'],
    ['the path of the API below one with a slash', '/', {}, '/v1/chat/completions'],
    ['the whole upstream_url where it has a path', '/my/llm?tier=1', {}, '/my/llm?tier=1'],
    ['upstream_path below a bare upstream_url', '', { upstream_path: '/v9/chat' }, '/v9/chat'],
    ['upstream_url before upstream_path', '/my/llm', { upstream_path: '/v9/chat' }, '/my/llm'],
  ]
  it.each(paths)('%s', async (_, path, more, gone) => {
    const upstream = await openai()
    const options = { upstream_url: upstream.url + path, ...more }
    const gateway = await aiGateway(aiConfig('', { model: { options } }))
    await post(gateway, { messages }, { path: '/v2?of=the+client', method: 'PUT' })
    expect(upstream.requests.map(({ method, url }) => ({ method, url }))).toEqual([
      { method: 'POST', url: gone },
    ])
    expect(upstream.requests[0]?.headers.host).toBe(`127.0.0.1:${upstream.port}`)
  })

  it('is an error of ours where a template makes no URL', async () => {
    const options = { upstream_url: 'http://$(headers.x-host)/' }
    const gateway = await aiGateway(aiConfig('', { model: { options } }))
    const headers = { 'x-host': 'a b' }
    expect(await errorOf(await post(gateway, { messages }, { headers }))).toMatchObject({
      status: 500,
      error: { message: 'upstream_url is not an http or https URL', param: 'upstream_url' },
    })
    const route_type = 'preserve'
    const preserving = await aiGateway(aiConfig('', { route_type, model: { options } }))
    expect((await errorOf(await post(preserving, { messages }, { headers }))).status).toBe(500)
  })
})

describe('what the provider cannot express', () => {
  const message = { messages, top_k: 5 }

  it('is reported', async () => {
    const { upstream, gateway } = await running()
    const response = await post(gateway, message)
    expect(response.status).toBe(200)
    expect(response.headers.get('x-kong-llm-dropped')).toBe('top_k')
    expect(upstream.bodies()[0]).not.toHaveProperty('top_k')
    expect((await post(gateway, { messages })).headers.get('x-kong-llm-dropped')).toBeNull()
  })

  it('is refused under strict', async () => {
    const { upstream, gateway } = await running({ strict: true })
    expect(await errorOf(await post(gateway, message))).toMatchObject({
      status: 400,
      error: { message: 'openai cannot express: top_k', param: 'top_k' },
    })
    expect(upstream.requests).toEqual([])
  })

  it('fits into a header, whatever it is called', async () => {
    const { gateway } = await running({ model: { provider: 'anthropic' } })
    const odd = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`field\r\nx-evil: 1 é ${i}`, true]))
    const response = await post(gateway, { messages, ...odd })
    const dropped = response.headers.get('x-kong-llm-dropped') ?? ''
    expect(dropped).toMatch(/^field\?\?x-evil: 1 \? 0, field/)
    expect(dropped.length).toBeLessThanOrEqual(512)
    expect(response.headers.get('x-evil')).toBeNull()
  })
})

describe('X-Kong-LLM-Model', () => {
  it('can be switched off', async () => {
    const { gateway } = await running({ model_name_header: false })
    expect((await post(gateway, { messages })).headers.get('x-kong-llm-model')).toBeNull()
  })

  it('holds nothing but a name', async () => {
    const { gateway } = await running({ model: { name: null } })
    const response = await post(gateway, { messages, model: 'm\r\nset-cookie: a=b\r\n\r\n你' })
    expect(response.status).toBe(200)
    expect(response.headers.get('x-kong-llm-model')).toBe('openai/m??set-cookie: a=b?????')
    expect(response.headers.get('set-cookie')).toBeNull()
  })
})
