import net from 'node:net'
import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../lib/llm/json.js'
import type { Kong } from '../../../lib/pdk/kong.js'
import {
  aiConfig,
  aiGateway,
  errorOf,
  messages,
  phases,
  post,
  PROVIDER_KEY,
} from '../../support/ai-gateway.js'
import { closing } from '../../support/closing.js'
import { answering, JSON_TYPE, provider } from '../../support/ai-provider.js'

const streamed = { messages, stream: true }
const whole = { messages }
const BOTH = [
  ['whole', whole],
  ['streamed', streamed],
] as const

const claude = { model: { provider: 'anthropic', name: 'claude' } }
const HTML = { 'content-type': 'text/html' }

describe.each(BOTH)("a provider's error status, %s", (_, asked) => {
  const errors: [name: string, config: JsonObject, status: number, body: string, error: JsonObject][] = [
    [
      'OpenAI',
      {},
      401,
      '{"error":{"message":"Incorrect API key","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}',
      { message: 'Incorrect API key', type: 'invalid_request_error', param: null, code: 'invalid_api_key' },
    ],
    [
      'OpenAI',
      {},
      400,
      '{"error":{"message":"No such tool","type":"invalid_request_error","param":"tools[0]","code":null}}',
      { message: 'No such tool', type: 'invalid_request_error', param: 'tools[0]', code: null },
    ],
    [
      'a server like it',
      {},
      404,
      '{"object":"error","message":"no such model","type":"NotFoundError","param":null,"code":404}',
      { message: 'no such model', type: 'NotFoundError', param: null, code: '404' },
    ],
    [
      'Anthropic',
      claude,
      401,
      '{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}',
      {
        message: 'invalid x-api-key',
        type: 'authentication_error',
        param: null,
        code: 'authentication_error',
      },
    ],
    [
      'Anthropic',
      claude,
      529,
      '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}',
      { message: 'Overloaded', type: 'server_error', param: null, code: 'overloaded_error' },
    ],
  ]
  it.each(errors)('of %s %#: in OpenAI’s shape', async (_name, config, status, body, error) => {
    const upstream = await answering(status, { ...JSON_TYPE, 'x-request-id': 'req_1' }, body)
    const response = await post(await aiGateway(aiConfig(upstream.url, config)), asked)
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8')
    expect(response.headers.get('x-kong-llm-model')).toBeNull()
    expect(response.headers.get('x-request-id')).toBe('req_1')
    expect(await errorOf(response)).toEqual({ status, error })
  })

  it.each([
    [{}, 429, '7'],
    [claude, 429, 'Wed, 21 Oct 2026 07:28:00 GMT'],
    [{}, 503, '1'],
    [claude, 529, '20'],
  ])('keeps retry-after %#', async (config, status, after) => {
    const upstream = await answering(status, { ...JSON_TYPE, 'retry-after': after }, '{"error":{}}')
    const response = await post(await aiGateway(aiConfig(upstream.url, config)), asked)
    expect([response.status, response.headers.get('retry-after')]).toEqual([status, after])
  })

  it.each([
    ['a page', 500, HTML, '<html><h1>502 Bad Gateway</h1></html>'],
    ['broken JSON', 500, JSON_TYPE, '{"error":'],
    ['nothing', 503, {}, ''],
    ['JSON of another kind', 500, JSON_TYPE, '[null, 7]'],
    ['an odd error', 500, JSON_TYPE, '{"error":{"message":{"deep":[]},"code":["x"],"type":7}}'],
  ])('says no more than its status where its body is %s', async (_name, status, type, body) => {
    for (const config of [{}, claude]) {
      const upstream = await answering(status, type, body)
      const { error, ...rest } = await errorOf(
        await post(await aiGateway(aiConfig(upstream.url, config)), asked),
      )
      expect(rest).toEqual({ status })
      expect(error.message).toMatch(new RegExp(`answered with status ${status}$`))
    }
  })

  it('is kept where its body breaks off', async () => {
    const upstream = await provider(({ response }) => {
      response.writeHead(429, { ...JSON_TYPE, 'retry-after': '3', 'content-length': 99 })
      response.write('{"error":{"mess')
      setImmediate(() => response.destroy())
    })
    const response = await post(await aiGateway(aiConfig(upstream.url)), asked)
    expect([response.status, response.headers.get('retry-after')]).toEqual([429, '3'])
    expect((await errorOf(response)).error.type).toBe('rate_limit_error')
  })

  it('is told though its body never ends', async () => {
    const upstream = await provider(({ head, response }) => {
      head(500, HTML)
      const more = () => {
        while (!response.destroyed && response.write('x'.repeat(16 * 1024)));
      }
      response.on('drain', more)
      more()
    })
    expect((await errorOf(await post(await aiGateway(aiConfig(upstream.url)), asked))).status).toBe(500)
    await (
      await upstream.turn(0)
    ).closed
  })

  it.each([301, 302, 303, 307, 308, 304])('%i leads nowhere', async (status) => {
    const upstream = await answering(status, { location: 'http://192.0.2.1/' }, '')
    const response = await post(await aiGateway(aiConfig(upstream.url)), asked, { redirect: 'manual' })
    expect(response.headers.get('location')).toBeNull()
    expect(await errorOf(response)).toMatchObject({
      status: 502,
      error: { code: 'unexpected_status', message: `the provider answered with status ${status}` },
    })
  })
})

describe.each(BOTH)('no answer, %s', (_, asked) => {
  /** Time limits so short that specs can wait for them. */
  const impatient = phases('impatient', {
    async access(kong: Kong) {
      await kong.service.setTimeouts(60_000, 60_000, 50)
    },
  })

  it('from a port where nobody listens', async () => {
    const gone = await answering(200, {}, '')
    await gone.close()
    expect(await errorOf(await post(await aiGateway(aiConfig(gone.url)), asked))).toEqual({
      status: 502,
      error: {
        message: 'the provider could not be reached',
        type: 'upstream_error',
        param: null,
        code: 'upstream_connect',
      },
    })
  })

  it('from a host that does not exist', async () => {
    const gateway = await aiGateway(aiConfig('http://provider.invalid'))
    const { status, error } = await errorOf(await post(gateway, asked))
    expect({ status, code: error.code }).toEqual({ status: 503, code: 'upstream_resolve' })
  })

  it('in time', async () => {
    const upstream = await provider()
    const gateway = await aiGateway(aiConfig(upstream.url), { modules: [impatient] })
    const { status, error } = await errorOf(await post(gateway, asked))
    expect({ status, code: error.code }).toEqual({ status: 504, code: 'upstream_timeout' })
    await (
      await upstream.turn(0)
    ).closed
  })

  it('before the connection is closed', async () => {
    const upstream = await provider(({ response }) => void response.destroy())
    const { status, error } = await errorOf(await post(await aiGateway(aiConfig(upstream.url)), asked))
    expect({ status, code: error.code }).toEqual({ status: 502, code: 'upstream_closed' })
  })

  it.each([
    ['a server without TLS', 'HTTP/1.1 400 Bad Request\r\n\r\n', 'https'],
    ['a server that speaks no HTTP', 'hello?\r\n\r\n', 'http'],
  ])('from %s', async (_name, words, scheme) => {
    const server = net.createServer((socket) =>
      socket
        .on('error', () => {})
        .resume()
        .end(words),
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    closing({ close: () => new Promise((resolve) => server.close(() => resolve())) })
    const { port } = server.address() as net.AddressInfo
    const { status } = await errorOf(
      await post(await aiGateway(aiConfig(`${scheme}://127.0.0.1:${port}`)), asked),
    )
    expect(status).toBe(502)
  })

  it('says nothing of key, address or code', async () => {
    const gateway = await aiGateway(aiConfig('http://secret-host.invalid/secret-path'))
    const answer = await (await post(gateway, asked)).text()
    expect(answer).not.toMatch(/secret|\.ts|\.js|node_modules| at /)
    expect(answer).not.toContain(PROVIDER_KEY)
  })
})

it('an exception in access is a 500 of Kong’s, and the gateway lives on', async () => {
  const upstream = await answering(200, JSON_TYPE, '{}')
  const breaking = phases(
    'breaking',
    {
      async access(kong: Kong) {
        if ((await kong.request.getHeader('x-break')) !== undefined) throw new Error('secret detail')
      },
    },
    1000,
  )
  const gateway = await aiGateway(aiConfig(upstream.url), { modules: [breaking] })
  const response = await post(gateway, whole, { headers: { 'x-break': '1' } })
  expect(response.status).toBe(500)
  expect(await response.text()).not.toContain('secret')
  expect((await post(gateway, {})).status).toBe(400)
})
