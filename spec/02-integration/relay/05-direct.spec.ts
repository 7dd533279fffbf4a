import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../lib/llm/json.js'
import * as aiProxy from '../../../plugins/ai-proxy/index.js'
import * as redact from '../../../plugins/redact/index.js'
import { aiConfig, messages, post } from '../../support/ai-gateway.js'
import { answering, COMPLETION, JSON_TYPE, type Provider } from '../../support/ai-provider.js'
import { pluginHost } from '../../support/plugin-host.js'

/** A config under which nothing of an answer has to be touched. */
const direct = (url: string, more: JsonObject = {}) => aiConfig(url, { response_streaming: 'deny', ...more })

async function directKong(more: JsonObject = {}, headers = {}) {
  const upstream = await answering(200, { ...JSON_TYPE, ...headers }, COMPLETION)
  const test = await pluginHost([aiProxy, redact])
  return { upstream, test, ...(await test.kong({ 'ai-proxy': direct(upstream.url, more) })) }
}

function methods(calls: readonly { phase: string; method: string }[]): string[] {
  return calls.filter(({ phase }) => phase === 'access').map(({ method }) => method.replace('kong.', ''))
}

const sent = (upstream: Provider) => upstream.requests[0]!

describe('direct mode', () => {
  it('lets Kong talk to the provider itself: the body over RPC, the target last', async () => {
    const { url, run, upstream, test } = await directKong()
    const answer = await post({ url }, { messages, model: 'gpt-4o' })
    expect([answer.status, await answer.text()]).toEqual([200, COMPLETION])
    expect(answer.headers.get('x-kong-llm-model')).toBe('openai/gpt-4o')
    const called = methods((await run()).calls)
    expect(called.filter((method) => !method.endsWith('clear_header'))).toEqual([
      'request.get_header',
      'request.get_raw_body',
      'request.get_headers',
      'service.request.set_headers',
      'service.request.set_method',
      'service.request.set_path',
      'service.request.set_raw_query',
      'response.set_header',
      'service.request.set_scheme',
      'service.set_target',
      'nginx.get_var',
    ])
    expect([sent(upstream).method, sent(upstream).url]).toEqual(['POST', '/v1/chat/completions'])
    expect(test.host.counters).toMatchObject({ direct: 1, handedOver: 0, strayLogEvents: 0 })
  })

  it('sends the client’s own bytes where nothing in them changes, else its own', async () => {
    const { url, run, upstream } = await directKong()
    await post({ url }, { messages, model: 'gpt-4o' })
    await post({ url }, { messages })
    expect(methods((await run(0)).calls)).not.toContain('service.request.set_raw_body')
    expect(methods((await run(1)).calls)).toContain('service.request.set_raw_body')
    expect(upstream.bodies()).toEqual([
      { messages, model: 'gpt-4o' },
      { messages, model: 'gpt-4o' },
    ])
  })

  it('sends a large body with the fields that it lacks', async () => {
    const { url, upstream } = await directKong()
    const large = [{ role: 'user', content: 'é'.repeat(40_000) }]
    expect((await post({ url }, { messages: large })).status).toBe(200)
    expect(upstream.bodies()).toEqual([{ messages: large, model: 'gpt-4o' }])
  })

  it('gives the provider nothing of the client’s that is not on the list of headers', async () => {
    const { url, upstream } = await directKong()
    const headers = {
      authorization: 'Bearer of-the-client',
      'x-api-key': 'of-the-client',
      cookie: 'of=the-client',
      'x-consumer-username': 'of-the-client',
      'x-relay-ticket': 'of-the-client',
      'x-client-request-id': 'kept',
    }
    await post({ url }, { messages }, { headers })
    expect(sent(upstream).headers).toMatchObject({
      authorization: 'Bearer sk-of-the-provider',
      'x-client-request-id': 'kept',
    })
    expect(JSON.stringify(sent(upstream).headers)).not.toContain('of-the-client')
  })

  it('puts a credential in the query', async () => {
    const auth = { param_name: 'key', param_value: 'sk-q', param_location: 'query' }
    const { url, upstream } = await directKong({ auth })
    await post({ url }, { messages })
    expect(sent(upstream).url).toBe('/v1/chat/completions?key=sk-q')
  })

  it('answers errors by itself, as JSON text', async () => {
    const { url, run, upstream } = await directKong()
    const answer = await post({ url }, { messages, stream: true })
    expect([answer.status, answer.headers.get('content-type'), await answer.json()]).toMatchObject([
      400,
      'application/json; charset=utf-8',
      { error: { message: 'response streaming is not enabled for this LLM', param: 'stream' } },
    ])
    const exit = (await run()).calls.find(({ method }) => method === 'kong.response.exit')
    expect(typeof exit!.args[1]).toBe('string')
    expect(upstream.requests).toHaveLength(0)
  })

  it('keeps the limit of a body, though Kong gives what it has in memory; 0 is none', async () => {
    const body = { messages: [{ role: 'user', content: 'x'.repeat(5000) }] }
    const limited = await directKong({ max_request_body_size: 4000 })
    expect((await post(limited, body)).status).toBe(413)
    const free = await directKong({ max_request_body_size: 0 })
    expect((await post(free, body)).status).toBe(200)
  })

  it('goes to the mock where there is no key, and says so', async () => {
    const upstream = await answering(200, JSON_TYPE, COMPLETION)
    const test = await pluginHost([aiProxy], { settings: { mockUrl: upstream.url } })
    const config = direct('http://provider.invalid', {
      auth: { header_name: 'authorization', header_value: '' },
    })
    const answer = await post(await test.kong({ 'ai-proxy': config }), { messages })
    expect([answer.status, answer.headers.get('x-kong-ai-mock')]).toEqual([200, '1'])
  })

  it('passes bodies of preserve routes on by the client’s own path and method', async () => {
    const { url, upstream } = await directKong({ route_type: 'preserve' })
    await post({ url }, { any: 'thing' }, { path: '/v1/embeddings?x=1', method: 'PUT' })
    expect([sent(upstream).method, sent(upstream).url]).toEqual(['PUT', '/v1/embeddings?x=1'])
    expect(sent(upstream).body.toString()).toBe('{"any":"thing"}')
  })
})

describe('direct mode beside another filter plugin', () => {
  it('is handed over by a plugin that runs after it, to the provider that was set', async () => {
    const upstream = await answering(200, JSON_TYPE, COMPLETION)
    const test = await pluginHost([aiProxy, redact])
    const { url } = await test.kong({ 'ai-proxy': direct(upstream.url), redact: { word: 'completion' } })
    const answer = await post({ url }, { messages })
    expect([answer.status, await answer.text()]).toEqual([200, COMPLETION.replaceAll('completion', '***')])
    expect(sent(upstream).headers.authorization).toBe('Bearer sk-of-the-provider')
    expect(sent(upstream).headers).not.toHaveProperty('x-relay-ticket')
    expect(test.host.counters).toMatchObject({ direct: 1, handedOver: 1 })
  })

  it('joins the exchange of a plugin that runs before it', async () => {
    const upstream = await answering(200, JSON_TYPE, COMPLETION)
    const test = await pluginHost([aiProxy, redact])
    const { url } = await test.kong({ redact: { word: 'completion' }, 'ai-proxy': direct(upstream.url) })
    const answer = await post({ url }, { messages })
    expect([answer.status, await answer.text()]).toEqual([200, COMPLETION.replaceAll('completion', '***')])
    expect(sent(upstream).headers).not.toHaveProperty('x-relay-ticket')
    expect(test.host.counters).toMatchObject({ direct: 0, handedOver: 1, joined: 1 })
  })
})

describe('a config allows no direct mode', () => {
  const CASES: Record<string, JsonObject> = {
    'streamed answers': { response_streaming: 'allow' },
    'answers to translate': { model: { provider: 'anthropic' } },
    'statistics to log': { logging: { log_statistics: true } },
    'payloads to log': { logging: { log_payloads: true } },
    'a strict check': { strict: true },
    'time limits of its own': { timeouts: { total: 1000 } },
    'limits of streams': { limits: { max_streams: 2 } },
    'further targets': {
      targets: [{ model: { provider: 'openai', name: 'm' } }],
    },
    'a credential in the body': {
      auth: { param_name: 'key', param_value: 'k', param_location: 'body' },
    },
    'no fixed credential': { auth: null },
    'a credential that is made for each request': {
      auth: { header_name: 'x', header_value: 'y', gcp_use_service_account: true },
    },
  }
  for (const [name, more] of Object.entries(CASES)) {
    it(`with ${name}`, async () => {
      const { url, run, test } = await directKong(more)
      await post({ url }, { messages }).then((answer) => answer.text())
      expect(methods((await run()).calls)).not.toContain('request.get_raw_body')
      expect(test.host.counters).toMatchObject({ direct: 0, handedOver: 1 })
    })
  }
})
