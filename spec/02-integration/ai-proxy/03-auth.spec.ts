import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../lib/llm/json.js'
import { startMock } from '../../../lib/mock/server.js'
import { aiConfig, aiGateway, errorOf, messages, post, PROVIDER_KEY } from '../../support/ai-gateway.js'
import { closing } from '../../support/closing.js'
import { answering, COMPLETION, JSON_TYPE } from '../../support/ai-provider.js'

/** What a client might carry that is no provider's business. */
const SECRETS = {
  authorization: 'Bearer sk-of-the-client',
  'x-api-key': 'sk-of-the-client',
  'api-key': 'sk-of-the-client',
  apikey: 'sk-of-the-client',
  'x-goog-api-key': 'sk-of-the-client',
  'x-amz-security-token': 'sk-of-the-client',
  cookie: 'session=sk-of-the-client',
  'proxy-authorization': 'Basic sk-of-the-client',
  'x-forwarded-for': '192.0.2.7',
  'x-consumer-username': 'jane',
  'openai-organization': 'org-of-the-client',
}

async function running(config: JsonObject) {
  const upstream = await answering(200, JSON_TYPE, COMPLETION)
  return { upstream, gateway: await aiGateway(aiConfig(upstream.url, config)) }
}

describe("the client's own headers", () => {
  it.each([['openai'], ['anthropic']])('reach %s by an allow list', async (provider) => {
    const { upstream, gateway } = await running({ model: { provider } })
    const kept = { 'user-agent': 'spec/1', 'x-client-request-id': 'r-1', traceparent: '00-ab-cd-01' }
    await post(gateway, { messages }, { headers: { ...SECRETS, ...kept, 'x-custom': 'yes' } })
    const { headers, url } = upstream.requests[0]!
    expect(Object.keys(headers).toSorted()).toEqual(
      [
        'accept',
        'accept-encoding',
        'accept-language',
        'authorization',
        'connection',
        'content-length',
        'content-type',
        'host',
        'traceparent',
        'user-agent',
        'x-client-request-id',
        ...(provider === 'anthropic' ? ['anthropic-version'] : []),
      ].toSorted(),
    )
    expect(headers).toMatchObject({ ...kept, 'accept-encoding': 'identity', authorization: PROVIDER_KEY })
    expect(JSON.stringify(headers) + url).not.toContain('of-the-client')
  })

  it('reach no provider as credentials where none is configured', async () => {
    const { upstream, gateway } = await running({ auth: null })
    await post(gateway, { messages }, { headers: SECRETS, path: '/chat?key=sk-of-the-client' })
    const { headers, url } = upstream.requests[0]!
    expect(headers.authorization).toBeUndefined()
    expect(JSON.stringify(headers) + url).not.toContain('of-the-client')
  })

  it('are left out where no header could carry them', async () => {
    const { upstream, gateway } = await running({})
    const latin1 = Buffer.from('Jürgens Browser').toString('latin1')
    expect((await post(gateway, { messages }, { headers: { 'user-agent': latin1 } })).status).toBe(200)
    expect(upstream.requests[0]?.headers['user-agent']).toBeUndefined()
  })
})

/** What reaches the provider, by what the client sent and whether it may. */
const OVERRIDE: [client: string | undefined, allow_override: boolean, gone: string][] = [
  [undefined, false, 'right'],
  [undefined, true, 'right'],
  ['', true, 'right'],
  ['wrong', false, 'right'],
  ['right', false, 'right'],
  ['wrong', true, 'wrong'],
  ['right', true, 'right'],
]

describe('a credential in a header', () => {
  it.each(OVERRIDE)('client %j, override %s', async (client, allow_override, gone) => {
    const auth = { header_name: 'X-Token', header_value: 'right', allow_override }
    const { upstream, gateway } = await running({ auth })
    await post(gateway, { messages }, { headers: client === undefined ? {} : { 'x-token': client } })
    expect(upstream.requests[0]?.headers['x-token']).toBe(gone)
  })
})

describe('a credential in the query', () => {
  const auth = { param_name: 'token', param_value: 'right', param_location: 'query' }

  it.each(OVERRIDE)('client %j, override %s', async (client, allow_override, gone) => {
    const { upstream, gateway } = await running({ auth: { ...auth, allow_override } })
    const path = client === undefined ? '/chat' : `/chat?token=${client}&other=1`
    await post(gateway, { messages }, { path })
    expect(upstream.requests[0]?.url).toBe(`/v1/chat/completions?token=${gone}`)
  })

  it("takes the client's place on preserve routes too", async () => {
    const { upstream, gateway } = await running({ auth, route_type: 'preserve' })
    await post(gateway, { messages }, { path: '/v1/x?a=b%20c&token=wrong' })
    expect(upstream.requests[0]?.url).toBe('/v1/x?a=b+c&token=right')
  })
})

describe('a credential in the body', () => {
  const auth = { param_name: 'token', param_value: 'right', param_location: 'body' }

  it.each(OVERRIDE)('client %j, override %s', async (client, allow_override, gone) => {
    const { upstream, gateway } = await running({ auth: { ...auth, allow_override } })
    await post(gateway, { messages, ...(client !== undefined && { token: client }) })
    expect(upstream.bodies()[0]).toEqual({ messages, model: 'gpt-4o', token: gone })
  })

  it('reaches a provider whose requests are translated', async () => {
    const { upstream, gateway } = await running({ auth, model: { provider: 'anthropic' } })
    await post(gateway, { messages, token: 'wrong' })
    expect(upstream.bodies()[0]?.token).toBe('right')
  })

  it('is put into the JSON of a preserve route, and into nothing else', async () => {
    const { upstream, gateway } = await running({ auth, route_type: 'preserve' })
    await post(gateway, { input: 'a' })
    await fetch(gateway.url, { method: 'POST', body: 'plain' })
    expect(upstream.requests.map(({ body }) => body.toString())).toEqual([
      '{"input":"a","token":"right"}',
      'plain',
    ])
  })
})

describe('header and query at once', () => {
  it('both reach the provider', async () => {
    const auth = {
      header_name: 'X-Token',
      header_value: 'h',
      param_name: 'key',
      param_value: 'q',
      param_location: 'query',
    }
    const { upstream, gateway } = await running({ auth })
    await post(gateway, { messages })
    expect(upstream.requests[0]).toMatchObject({ url: '/v1/chat/completions?key=q' })
    expect(upstream.requests[0]?.headers['x-token']).toBe('h')
  })
})

describe('a credential that resolved to nothing', () => {
  const header = { header_name: 'Authorization', header_value: '{vault://env/spec-key}' }
  const query = { param_name: 'key', param_value: '{vault://env/spec-key}', param_location: 'query' }

  it.each([
    ['config.auth.header_value', header],
    ['config.auth.param_value', query],
    ['config.auth.param_value', { ...query, param_location: 'body' }],
    ['config.auth.param_value', { ...query, header_name: 'X-Token', header_value: 'there' }],
  ])('is an error that names %s', async (field, auth) => {
    const { upstream, gateway } = await running({ auth })
    expect(await errorOf(await post(gateway, { messages }))).toEqual({
      status: 500,
      error: {
        message: `${field} is empty: the provider's credential is not configured`,
        param: field,
        type: 'server_error',
        code: 'credential_missing',
      },
    })
    expect(upstream.requests).toEqual([])
  })

  it('is found in the environment', async () => {
    const upstream = await answering(200, JSON_TYPE, COMPLETION)
    const env = { SPEC_KEY: 'Bearer from-the-vault' }
    const gateway = await aiGateway(aiConfig(upstream.url, { auth: header }), { env })
    await post(gateway, { messages })
    expect(upstream.requests[0]?.headers.authorization).toBe('Bearer from-the-vault')
  })

  it.each([
    [header, { headers: { authorization: 'own' } }],
    [query, { path: '/chat?key=own' }],
  ])('is no error where the client may bring its own: %j', async (auth, init) => {
    const { upstream, gateway } = await running({ auth: { ...auth, allow_override: true } })
    expect((await post(gateway, { messages }, init)).status).toBe(200)
    expect(upstream.requests[0]?.headers.authorization ?? upstream.requests[0]?.url).toContain('own')
  })

  it.each([['openai'], ['anthropic']])(
    'sends requests for %s to the mock, if there is one',
    async (provider) => {
      const mock = closing(await startMock({ pace: 0 }))
      const config = aiConfig('https://203.0.113.1/never/asked', { auth: header, model: { provider } })
      const gateway = await aiGateway(config, { settings: { mockUrl: mock.url } })
      for (let i = 0; i < 2; i++) {
        const response = await post(gateway, { messages })
        expect(response.status).toBe(200)
        expect(response.headers.get('x-kong-ai-mock')).toBe('1')
        expect(await response.text()).toContain('Hello from the mock provider!')
      }
      expect(mock.requests.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined])
      const warnings = gateway.problems.filter(({ message }) => message.includes('mock provider'))
      expect(warnings.map(({ message }) => message)).toEqual([
        `[ai-proxy] ${provider} has no credential: the mock provider answers`,
      ])
    },
  )

  it('marks the errors of the mock as its own too', async () => {
    const mock = closing(await startMock())
    const config = aiConfig('https://203.0.113.1', { auth: header, model: { name: 'error/429' } })
    const gateway = await aiGateway(config, { settings: { mockUrl: mock.url } })
    const response = await post(gateway, { messages })
    expect(response.status).toBe(429)
    expect(response.headers.get('x-kong-ai-mock')).toBe('1')
  })

  it('leaves the mock out of it where there is a credential', async () => {
    const mock = closing(await startMock())
    const upstream = await answering(200, JSON_TYPE, COMPLETION)
    const gateway = await aiGateway(aiConfig(upstream.url), { settings: { mockUrl: mock.url } })
    const response = await post(gateway, { messages })
    expect(response.headers.get('x-kong-ai-mock')).toBeNull()
    expect([mock.requests.length, upstream.requests.length]).toEqual([0, 1])
  })
})
