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
    expect(
      upstream.bodies().map(({ temperature, top_p, max_tokens }) => ({ temperature, top_p, max_tokens })),
    ).toEqual([
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
