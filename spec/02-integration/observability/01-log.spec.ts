import { readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../lib/llm/json.js'
import { logSink, type LogSink } from '../../../lib/runtime/log-sink.js'
import { aiConfig, aiGateway, messages, post } from '../../support/ai-gateway.js'
import { closing } from '../../support/closing.js'
import {
  answering,
  BodyReader,
  EVENTS,
  JSON_TYPE,
  provider,
  SSE_TYPE,
  STREAM,
} from '../../support/ai-provider.js'
import { object, parseObject } from '../../support/json.js'
import { origin } from '../../support/origin.js'
import { until } from '../../support/plugin-server.js'
import { scrape } from '../../support/prometheus.js'
import { silentLogger } from '../../support/silent-logger.js'

const schema = JSON.parse(readFileSync('examples/log-entry.schema.json', 'utf8')) as JsonObject
const validate = new Ajv({ allErrors: true }).compile(schema)
const faultsOf = (entry: JsonObject) => (validate(entry) ? [] : validate.errors)

const logged = { logging: { log_statistics: true, log_payloads: true } }

function memorySink() {
  const lines: JsonObject[] = []
  const sink: LogSink = {
    dropped: 0,
    pending: 0,
    write: (entry) => void lines.push(parseObject(entry)),
    reopen() {},
    async close() {},
  }
  return {
    sink,
    line: async (place = 0) => {
      await until(() => lines.length > place)
      return lines[place]!
    },
  }
}

function exchangeOf(line: JsonObject): JsonObject {
  return object(object(object(line.ai).proxy).exchange)
}

describe('a log line of the gateway', () => {
  it('has the documented shape', async () => {
    const upstream = await answering(200, { ...SSE_TYPE, 'x-request-id': 'req_7' }, STREAM)
    const { sink, line } = memorySink()
    const gateway = await aiGateway(aiConfig(upstream.url, logged), { sink })
    await (await post(gateway, { messages, stream: true })).text()
    const entry = await line()
    expect(faultsOf(entry)).toEqual([])
    expect(exchangeOf(entry)).toEqual({
      status: 200,
      provider_request_id: 'req_7',
      response_id: 'chatcmpl-7',
      retries: 0,
      frames_in: 6,
      unknown_frames: 0,
      frames_out: 5,
      bytes_in: Buffer.byteLength(STREAM),
      bytes_out: object(entry.response).size,
    })
  })

  it('is refused by the schema where a value is of another kind', async () => {
    const upstream = await answering(200, SSE_TYPE, STREAM)
    const { sink, line } = memorySink()
    const gateway = await aiGateway(aiConfig(upstream.url, logged), { sink })
    await (await post(gateway, { messages, stream: true })).text()
    const entry = await line()
    exchangeOf(entry).abort_reason = 'moon'
    expect(faultsOf(entry)).toMatchObject([{ keyword: 'enum' }])
  })

  it('names the fields that the provider cannot express', async () => {
    const upstream = await answering(500, JSON_TYPE, '{}')
    const { sink, line } = memorySink()
    const model = { provider: 'anthropic', name: 'claude-sonnet-4-5' }
    const gateway = await aiGateway(aiConfig(upstream.url, { ...logged, model }), { sink })
    await (await post(gateway, { messages, seed: 7 })).text()
    expect(exchangeOf(await line())).toMatchObject({ status: 500, dropped_fields: ['seed'] })
  })

  it('says that the provider cut the stream', async () => {
    const upstream = await provider(({ head, response }) => {
      head(200, SSE_TYPE)
      response.write(EVENTS.role + EVENTS.hello, () => response.destroy())
    })
    const { sink, line } = memorySink()
    const gateway = await aiGateway(aiConfig(upstream.url, logged), { sink })
    await (await post(gateway, { messages, stream: true })).text()
    const entry = await line()
    expect(exchangeOf(entry)).toMatchObject({ abort_reason: 'provider', frames_in: 2, frames_out: 3 })
    expect(faultsOf(entry)).toEqual([])
  })

  it('says that the client left', async () => {
    const upstream = await provider(({ head, response }) => {
      head(200, SSE_TYPE)
      response.write(EVENTS.role + EVENTS.hello)
    })
    const { sink, line } = memorySink()
    const gateway = await aiGateway(aiConfig(upstream.url, logged), { sink })
    const leaving = new AbortController()
    const reader = new BodyReader(await post(gateway, { messages, stream: true }, { signal: leaving.signal }))
    await reader.next()
    leaving.abort()
    expect(exchangeOf(await line())).toMatchObject({ abort_reason: 'client', frames_in: 2 })
  })

  it.each([
    ['headers', { headers: 50 }, '', {}],
    ['first_token', { first_token: 700 }, EVENTS.role, { frames_in: 1, status: 200 }],
    ['idle', { idle: 300 }, EVENTS.role + EVENTS.hello, { frames_in: 2, status: 200 }],
    ['total', { total: 1000 }, EVENTS.role + EVENTS.hello, { frames_in: 2, status: 200 }],
  ])('says that a time limit has passed: %s', async (_, timeouts, said, known) => {
    const upstream = await provider(({ head, response }) => {
      if (said === '') return
      head(200, SSE_TYPE)
      response.write(said)
    })
    const { sink, line } = memorySink()
    const gateway = await aiGateway(aiConfig(upstream.url, { ...logged, timeouts }), { sink })
    await (await post(gateway, { messages, stream: true })).text()
    const entry = await line()
    expect(exchangeOf(entry)).toMatchObject({ abort_reason: 'timeout', ...known })
    expect(faultsOf(entry)).toEqual([])
  })

  it('says that an answer was more than we take', async () => {
    const upstream = await provider(({ head, response }) => {
      head(200, SSE_TYPE)
      response.on('error', () => {}) // closed while it writes
      response.end(`data: "${'x'.repeat(17 * 1024 * 1024)}"\n\n`)
    })
    const { sink, line } = memorySink()
    const gateway = await aiGateway(aiConfig(upstream.url, logged), { sink })
    const response = await post(gateway, { messages, stream: true })
    expect(await response.text()).toContain('frame_too_large')
    const entry = await line()
    expect(exchangeOf(entry)).toMatchObject({ abort_reason: 'limit', status: 200, frames_in: 0 })
    expect(faultsOf(entry)).toEqual([])
  })

  it('says that a client read too slowly', async () => {
    const piece = EVENTS.hello.replace('Hello', 'x'.repeat(64 * 1024))
    const upstream = await provider(({ head, response }) => {
      head(200, SSE_TYPE)
      const more = () => {
        while (!response.destroyed && response.write(piece));
      }
      response.on('drain', more)
      more()
    })
    const { sink, line } = memorySink()
    const limits = { headers: 60_000, idle: 100 }
    const gateway = await aiGateway(aiConfig(upstream.url, logged), { sink, limits })
    const { status, body } = await post(gateway, { messages, stream: true })
    expect(status).toBe(200)
    const entry = await line()
    expect(exchangeOf(entry)).toMatchObject({ abort_reason: 'limit', status: 200 })
    expect(faultsOf(entry)).toEqual([])
    await body!.cancel().catch(() => {}) // it broke off
  })

  it('says that the provider cannot be reached', async () => {
    const gone = await provider()
    await gone.close()
    const { sink, line } = memorySink()
    const gateway = await aiGateway(aiConfig(gone.url, logged), { sink })
    await (await post(gateway, { messages })).text()
    const exchange = exchangeOf(await line())
    expect(exchange).toMatchObject({ abort_reason: 'provider', bytes_in: 0 })
    expect(exchange).not.toHaveProperty('status')
  })

  it('holds no credential, wherever the request had it', async () => {
    const upstream = await answering(200, SSE_TYPE, STREAM)
    const { sink, line } = memorySink()
    const gateway = await aiGateway(
      aiConfig(upstream.url, {
        ...logged,
        auth: { param_name: 'key', param_value: 'sk-config', param_location: 'query' },
      }),
      { sink },
    )
    const path = '/chat?key=sk-a&api_key=sk-b&access_token=sk-c&page=2'
    const headers = { authorization: 'Bearer sk-d', 'x-api-key': 'sk-e', cookie: 'session=sk-f' }
    await (await post(gateway, { messages, stream: true }, { path, headers })).text()
    const entry = await line()
    expect(upstream.requests[0]!.url).toContain('key=sk-config')
    expect(JSON.stringify(entry)).not.toContain('sk-')
    expect(object(entry.request)).toMatchObject({
      uri: '/chat?key=REDACTED&api_key=REDACTED&access_token=REDACTED&page=2',
      querystring: { page: '2' },
    })
  })

  it('holds no credential under the names that the config has for its own', async () => {
    const upstream = await answering(200, SSE_TYPE, STREAM)
    const { sink, line } = memorySink()
    const auth = {
      param_name: 'Subscription',
      param_value: 'sk-config',
      param_location: 'query',
      allow_override: true,
    }
    const gateway = await aiGateway(aiConfig(upstream.url, { auth }), { sink })
    await (
      await post(gateway, { messages, stream: true }, { path: '/chat?Subscription=sk-client&page=2' })
    ).text()
    expect(upstream.requests[0]!.url).toContain('Subscription=sk-client')
    const entry = await line()
    expect(JSON.stringify(entry)).not.toContain('sk-')
    expect(object(entry.request)).toMatchObject({ uri: '/chat?Subscription=REDACTED&page=2' })
  })

  it('is also written for requests that are no model calls', async () => {
    const { sink, line } = memorySink()
    const gateway = await aiGateway(aiConfig('http://localhost:1'), { sink, paths: ['/chat'] })
    await (await fetch(`${gateway.url}/nowhere`)).text()
    const entry = await line()
    expect(entry).toMatchObject({ response: { status: 404 }, source: 'kong' })
    expect(faultsOf(entry)).toEqual([])
  })
})

describe('a sink that hangs', () => {
  it('holds up no stream, and what it holds and loses is counted', async () => {
    const upstream = await answering(200, SSE_TYPE, STREAM)
    const deaf = closing(await origin(() => {}))
    const sink = logSink(deaf.url, silentLogger)
    const gateway = await aiGateway(aiConfig(upstream.url), { sink })
    for (const _ of [1, 2, 3]) {
      expect(await (await post(gateway, { messages, stream: true })).text()).toContain('[DONE]')
    }
    await until(() => sink.pending === 3)
    expect((await scrape(gateway.statusUrl)).value('kong_ai_log_lines_pending')).toBe(3)
    await sink.close()
    const after = await scrape(gateway.statusUrl)
    expect(after.value('kong_ai_log_lines_dropped_total')).toBe(3)
  })
})
