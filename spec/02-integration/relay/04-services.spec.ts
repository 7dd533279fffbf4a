import { describe, expect, it } from 'vitest'
import * as aiProxy from '../../../plugins/ai-proxy/index.js'
import * as redact from '../../../plugins/redact/index.js'
import { aiConfig, messages, phases, post } from '../../support/ai-gateway.js'
import { answering, BodyReader, EVENTS, JSON_TYPE, provider, SSE_TYPE } from '../../support/ai-provider.js'
import { origin } from '../../support/origin.js'
import { closing } from '../../support/closing.js'
import { pluginHost } from '../../support/plugin-host.js'

const service = (port: number, more = {}) => ({ protocol: 'http', host: '127.0.0.1', port, ...more })

describe('a filter plugin that sets no target, on a route of its own', () => {
  it('filters what the Service says, while it streams', async () => {
    const upstream = await provider()
    const { kong } = await pluginHost([redact])
    const client = { service: service(upstream.port) }
    const { url, run } = await kong({ redact: { word: 'secret' } }, { client })
    const answering = fetch(`${url}/page?x=1`)
    const turn = await upstream.turn(0)
    turn.head(200, { 'content-type': 'text/plain', 'content-length': '22' })
    turn.response.write('a secret b ')
    const reader = new BodyReader(await answering)
    expect(await reader.expect('a *** b ')).toBe('a *** b ')
    turn.response.end('the secret.')
    expect(await reader.rest()).toBe('the ***.')
    expect([turn.request.method, turn.request.url]).toEqual(['GET', '/page?x=1'])
    expect((await run()).roundTrips.access).toBe(6)
  })

  it('is the client to the Service that Kong would have been: method, path, body, Kong’s headers, Host', async () => {
    const echo = closing(await origin())
    const { kong } = await pluginHost([redact])
    const client = { service: service(echo.port) }
    const { url, run } = await kong(
      { redact: { word: 'secret' } },
      { client, prefix: '/api', double: { routePath: '/api' } },
    )
    const answer = await fetch(`${url}/api/things?a=%20b`, {
      method: 'PUT',
      body: 'whole',
      headers: { authorization: 'Bearer mine', cookie: 'c=1' },
    })
    expect(await answer.json()).toMatchObject({
      method: 'PUT',
      url: '/things?a=%20b',
      body: 'whole',
      headers: {
        host: `127.0.0.1:${echo.port}`,
        authorization: 'Bearer mine',
        cookie: 'c=1',
        via: '1.1 kong/3.9.1',
        'x-forwarded-for': '127.0.0.1',
        'x-forwarded-path': '/api/things',
        'x-forwarded-prefix': '/api',
        'x-real-ip': '127.0.0.1',
        'x-kong-request-id': (await run()).request.id,
        'content-length': '5',
      },
    })
  })

  it('keeps a Host that a plugin after it has set on purpose', async () => {
    const echo = closing(await origin())
    const later = phases('later', {
      access: (kong) => kong.service.request.setHeader('host', 'tenant.example.com'),
    })
    const { kong } = await pluginHost([redact, later])
    const { url } = await kong(
      { redact: { word: 'secret' }, later: {} },
      { client: { service: service(echo.port) } },
    )
    expect(await (await fetch(url)).json()).toMatchObject({ headers: { host: 'tenant.example.com' } })
  })

  it('answers 500 and says why, where only Kong could make the connection', async () => {
    const { kong } = await pluginHost([redact])
    const CASES: [object, RegExp][] = [
      [service(1, { client_certificate: { id: 'c-1' } }), /client_certificate is known to Kong alone/],
      [service(80, { host: 'an-upstream.invalid' }), /an Upstream entity cannot be used/],
    ]
    for (const [entity, message] of CASES) {
      const client = { service: entity as ReturnType<typeof service> }
      const { url } = await kong({ redact: { word: 'secret' } }, { client })
      const answer = await fetch(url)
      expect(answer.status).toBe(500)
      expect(((await answer.json()) as { error: { message: string } }).error.message).toMatch(message)
    }
  })

  it('answers 500 and names the export, where the plugin has not asked for the Service', async () => {
    const { kong } = await pluginHost([phases('one', { bodyFilter() {} })])
    const { url } = await kong({ one: {} })
    const answer = await fetch(url)
    expect(answer.status).toBe(500)
    expect(await answer.text()).toContain("declares 'router.getService' in HandoverReads")
  })
})

describe('ai-proxy and a second filter plugin on one route', () => {
  for (const name of ['openai', 'anthropic']) {
    it(`filter one stream of ${name}, in their order`, async () => {
      const upstream = await provider()
      const { kong, entries, entry } = await pluginHost([aiProxy, redact])
      const config = aiConfig(upstream.url, {
        model: { provider: name, name: 'm' },
        logging: { log_statistics: true },
      })
      const { url } = await kong({ 'ai-proxy': config, redact: { word: 'Hello' } })
      const asking = post({ url }, { messages, stream: true })
      const turn = await upstream.turn(0)
      turn.head(200, SSE_TYPE)
      if (name === 'openai') {
        for (const event of Object.values(EVENTS)) turn.response.write(event)
      } else {
        turn.event({ type: 'message_start', message: { id: 'm', model: 'm', usage: { input_tokens: 1 } } })
        turn.event({
          type: 'content_block_start',
          index: 0,
          content_block: { type: 'text', text: '' },
        })
        turn.event({
          type: 'content_block_delta',
          index: 0,
          delta: { type: 'text_delta', text: 'Hello you' },
        })
        turn.event({ type: 'content_block_stop', index: 0 })
        turn.event({
          type: 'message_delta',
          delta: { stop_reason: 'end_turn' },
          usage: { output_tokens: 2 },
        })
        turn.event({ type: 'message_stop' })
      }
      turn.response.end()
      const body = await (await asking).text()
      expect(body).toContain('"content":"***')
      expect(body).not.toContain('Hello')
      expect(body.endsWith('data: [DONE]\n\n')).toBe(true)
      expect(await entry(0)).toMatchObject({ ai: { proxy: { meta: { provider_name: name } } } })
      expect(entries).toHaveLength(1)
    })
  }

  it('gives the provider its own Host and none of the client’s credentials', async () => {
    const upstream = await answering(200, JSON_TYPE, '{}')
    const { kong } = await pluginHost([aiProxy, redact])
    const { url } = await kong({ 'ai-proxy': aiConfig(upstream.url), redact: { word: 'Hello' } })
    await post(
      { url },
      { messages },
      {
        headers: {
          authorization: 'Bearer of-the-client',
          apikey: 'k',
          cookie: 'c=1',
          'x-consumer-username': 'ann',
        },
      },
    )
    const [{ headers }] = upstream.requests as [(typeof upstream.requests)[0]]
    expect(headers).toMatchObject({
      host: `127.0.0.1:${upstream.port}`,
      authorization: 'Bearer sk-of-the-provider',
    })
    expect(JSON.stringify(headers)).not.toMatch(/of-the-client|apikey|cookie|consumer|forwarded|x-kong|via/)
  })

  it('reads the captures of the route only where the config names one', async () => {
    const upstream = await answering(200, JSON_TYPE, '{}')
    const { kong } = await pluginHost([aiProxy])
    const client = { captures: { named: { which: 'gpt-9' }, unnamed: {} } }
    for (const [name, trips] of [
      ['m', 5],
      ['$(uri_captures.which)', 6],
    ] as const) {
      const { url, run } = await kong({ 'ai-proxy': aiConfig(upstream.url, { model: { name } }) }, { client })
      await post({ url }, { messages })
      expect((await run()).roundTrips.access).toBe(trips)
    }
    expect(upstream.bodies().map(({ model }) => model)).toEqual(['m', 'gpt-9'])
  })
})
