import { Agent, request as httpRequest, type IncomingMessage } from 'node:http'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { startMock } from '../../../lib/mock/server.js'
import type { JsonObject } from '../../../lib/llm/json.js'
import * as aiProxy from '../../../plugins/ai-proxy/index.js'
import { aiConfig, messages, phases, post } from '../../support/ai-gateway.js'
import { closing } from '../../support/closing.js'
import { BodyReader, EVENTS, provider, type ProviderTurn, SSE_TYPE } from '../../support/ai-provider.js'
import { gate } from '../../support/origin.js'
import { pluginHost, type TestHost, type TestKong } from '../../support/plugin-host.js'
import { until } from '../../support/plugin-server.js'

interface AiKong extends TestKong {
  readonly test: TestHost
}

/** A Kong with ai-proxy on its route, its provider at `url`. */
async function aiKong(url: string, config: JsonObject = {}): Promise<AiKong> {
  const test = await pluginHost([aiProxy])
  return { ...(await test.kong({ 'ai-proxy': aiConfig(url, config) })), test }
}

const STREAM = { messages, stream: true }

function contentOf(body: string): string {
  const chunks = body.split('\n\n').filter((event) => event.startsWith('data: {'))
  return chunks
    .map((event) => JSON.parse(event.slice(6)) as { choices: { delta: { content?: string } }[] })
    .map(({ choices }) => choices[0]?.delta.content ?? '')
    .join('')
}

describe('an answer that streams through Kong', () => {
  for (const name of ['openai', 'anthropic']) {
    it(`of ${name} is translated, whole and in order`, async () => {
      const mock = closing(await startMock({ pace: 0 }))
      const kong = await aiKong(mock.url, { model: { provider: name, name: 'm' } })
      const answer = await post(kong, STREAM)
      expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/event-stream'])
      expect(answer.headers.get('x-kong-llm-model')).toBe(`${name}/m`)
      const body = await answer.text()
      expect(contentOf(body)).not.toBe('')
      expect(body.match(/"finish_reason":"stop"/g)).toHaveLength(1)
      expect(body.endsWith('data: [DONE]\n\n')).toBe(true)
      expect((await kong.run()).roundTrips).toEqual({ access: 5, log: 2 })
    })

    it(`of ${name} says the same as the answer that is not streamed`, async () => {
      const mock = closing(await startMock({ pace: 0 }))
      const kong = await aiKong(mock.url, { model: { provider: name, name: 'm' } })
      const streamed = contentOf(await (await post(kong, STREAM)).text())
      const whole = (await (await post(kong, { messages })).json()) as {
        choices: { message: { content: string } }[]
      }
      expect(whole.choices[0]!.message.content).toBe(streamed)
    })
  }

  it('gives each event to the client before the provider says the next', async () => {
    const openai = await provider()
    const kong = await aiKong(openai.url)
    const answering = post(kong, STREAM)
    const turn = await openai.turn(0)
    turn.head(200, SSE_TYPE)
    turn.response.write(EVENTS.role + EVENTS.hello)
    const answer = await answering
    const reader = new BodyReader(answer)
    await reader.expect(EVENTS.role + EVENTS.hello)
    for (const event of [EVENTS.there, EVENTS.finish]) {
      turn.response.write(event)
      expect(await reader.expect(event)).toBe(event)
    }
    turn.response.end(EVENTS.done)
    expect(await reader.rest()).toBe(EVENTS.done)
  })

  it('is read no faster than a slow client reads it', async () => {
    const openai = await provider()
    const kong = await aiKong(openai.url)
    const answering = post(kong, STREAM)
    const turn = await openai.turn(0)
    turn.head(200, SSE_TYPE)
    turn.response.write(EVENTS.role + EVENTS.hello)
    const answer = await answering
    let written = 0
    const big = EVENTS.there.replace('你好', 'x'.repeat(100_000))
    const full = () => {
      while (turn.response.write(big)) written++
      return written
    }
    full()
    // Nobody reads: after the sockets' buffers are full nothing more gets through.
    let stalled = 0
    while (stalled < 20) {
      const before = written
      await new Promise((resolve) => setTimeout(resolve, 10))
      if (!turn.response.writableNeedDrain) full()
      stalled = before === written ? stalled + 1 : 0
    }
    expect(written * big.length).toBeLessThan(60_000_000)
    await answer.body!.cancel()
    await turn.closed
  })
})

describe('the relay, for Kong', () => {
  /** What the relay itself says, before a Kong has changed it. */
  async function rawAnswer(kong: AiKong, agent?: Agent): Promise<IncomingMessage> {
    const run = kong.doubles[0]!.begin({ method: 'POST' })
    await kong.doubles[0]!.beforeUpstream(run)
    const [ticket = ''] = run.request.upstream.headers['x-relay-ticket']!
    const sent = httpRequest(kong.test.relayUrl, {
      method: 'POST',
      ...(agent && { agent }),
      headers: { 'x-relay-ticket': ticket, 'content-type': 'application/json' },
    })
    sent.end(JSON.stringify(STREAM))
    const [answer] = (await once(sent, 'response')) as [IncomingMessage]
    return answer
  }

  it('is an upstream that asks not to be buffered, and keeps connections longer than Kong does', async () => {
    const mock = closing(await startMock({ pace: 0 }))
    const answer = await rawAnswer(await aiKong(mock.url), new Agent({ keepAlive: true }))
    expect(answer.headers).toMatchObject({ 'x-accel-buffering': 'no', 'keep-alive': 'timeout=75' })
    expect(JSON.stringify(answer.rawHeaders).length).toBeLessThan(1000)
    answer.destroy()
  })

  it('ends an answer early with a complete body, and its connection is used again', async () => {
    const early = phases('one', {
      headerFilter: () => {},
      bodyFilter(_kong, arg) {
        arg.chunk = Buffer.from('enough')
        arg.eof = true
      },
    })
    const openai = await provider((turn) => {
      turn.head(200, SSE_TYPE)
      turn.response.write(EVENTS.role)
    })
    const service = { protocol: 'http', host: '127.0.0.1', port: openai.port }
    const test = await pluginHost([{ ...early, HandoverReads: ['router.getService'] }])
    const kong = await test.kong({ one: {} }, { client: { service } })
    for (let i = 0; i < 3; i++) {
      const answer = await fetch(kong.url, { method: 'POST', body: '{}' })
      expect([answer.status, await answer.text()]).toEqual([200, 'enough'])
    }
    const turns = [await openai.turn(0), await openai.turn(1), await openai.turn(2)]
    for (const turn of turns) await turn.closed
    expect(kong.relayConnections()).toBe(1)
  })

  it('answers before it has read a body that is too large, and its connection is used again', async () => {
    const openai = await provider()
    const kong = await aiKong(openai.url, { max_request_body_size: 1000 })
    for (let i = 0; i < 3; i++) {
      const answer = await post(kong, { messages: [{ role: 'user', content: 'x'.repeat(2_000_000) }] })
      expect([answer.status, await answer.json()]).toMatchObject([
        413,
        { error: { code: 'request_too_large' } },
      ])
    }
    expect([openai.requests.length, kong.relayConnections()]).toEqual([0, 1])
  })

  it('takes bodies in pieces of unknown length, and after Expect: 100-continue', async () => {
    const echo = phases('one', {
      async access(kong) {
        await kong.response.exit(200, (await kong.request.getRawBody(0)) ?? '')
      },
      bodyFilter() {},
    })
    const test = await pluginHost([echo])
    const kong = await test.kong({ one: {} })
    for (const header of [
      { 'transfer-encoding': 'chunked' },
      { expect: '100-continue', 'content-length': '6' },
    ]) {
      const run = kong.doubles[0]!.begin({ method: 'POST' })
      await kong.doubles[0]!.beforeUpstream(run)
      const [ticket = ''] = run.request.upstream.headers['x-relay-ticket']!
      const sent = httpRequest(test.relayUrl, {
        method: 'POST',
        headers: { ...header, 'x-relay-ticket': ticket },
      })
      if ('expect' in header) {
        sent.flushHeaders()
        await once(sent, 'continue')
      }
      sent.write('abc')
      sent.end('def')
      const [answer] = (await once(sent, 'response')) as [IncomingMessage]
      expect([answer.statusCode, await text(answer)]).toEqual([200, 'abcdef'])
    }
  })
})

describe('a client that goes away', () => {
  const POINTS: Record<string, (turn: ProviderTurn) => void> = {
    'before the provider’s headers': () => {},
    'between headers and first token': (turn) => turn.head(200, SSE_TYPE),
    'mid-stream': (turn) => {
      turn.head(200, SSE_TYPE)
      turn.response.write(EVENTS.role + EVENTS.hello)
    },
  }

  for (const [point, say] of Object.entries(POINTS)) {
    it(`${point} cancels the provider, and is logged`, async () => {
      const openai = await provider()
      const kong = await aiKong(openai.url, { logging: { log_statistics: true } })
      const client = new AbortController()
      const answering = post(kong, STREAM, { signal: client.signal }).catch(() => undefined)
      const turn = await openai.turn(0)
      say(turn)
      if (point === 'mid-stream') await new BodyReader((await answering)!).next()
      client.abort()
      await turn.closed
      expect(turn.aborted()).toBe(true)
      expect(openai.requests).toHaveLength(1)
      expect(await kong.test.entry(0)).toMatchObject({
        ai: { proxy: { meta: { provider_name: 'openai', request_mode: 'stream' } } },
      })
    })
  }

  it('while the answer is not streamed cancels the provider', async () => {
    const openai = await provider()
    const kong = await aiKong(openai.url)
    const client = new AbortController()
    const answering = post(kong, { messages }, { signal: client.signal }).catch(() => undefined)
    const turn = await openai.turn(0)
    client.abort()
    await Promise.all([turn.closed, answering])
    expect(turn.aborted()).toBe(true)
  })

  it('while a plugin in the relay is at its access reaches no provider', async () => {
    const [began, held] = [gate(), gate()]
    const slow = phases('slow', { access: () => (began.open(), held.promise), bodyFilter() {} }, 900)
    const openai = await provider()
    const test = await pluginHost([slow, aiProxy])
    const kong = await test.kong({ slow: {}, 'ai-proxy': aiConfig(openai.url) })
    const client = new AbortController()
    const answering = post(kong, STREAM, { signal: client.signal }).catch(() => undefined)
    await began.promise
    client.abort()
    await answering
    await test.entry(0)
    held.open()
    await new Promise((resolve) => setImmediate(resolve))
    expect(openai.requests).toHaveLength(0)
  })

  it('while Kong is at its access phase costs no answer: Kong sends the request and lets it go at once', async () => {
    const [began, held] = [gate(), gate()]
    const slow = phases('slow', { access: () => (began.open(), held.promise) }, 900)
    const openai = await provider()
    const test = await pluginHost([slow, aiProxy])
    const kong = await test.kong({ slow: {}, 'ai-proxy': aiConfig(openai.url) })
    const client = new AbortController()
    const answering = post(kong, STREAM, { signal: client.signal }).catch(() => undefined)
    await began.promise
    client.abort()
    await answering
    held.open()
    // Kong may be gone before the relay has read a word: then there is no exchange, and its log event has nobody to go to.
    await until(() => test.entries.length > 0 || test.host.counters.strayLogEvents > 0)
    for (let place = 0; place < openai.requests.length; place++) {
      const turn = await openai.turn(place)
      await turn.closed
      expect(turn.aborted()).toBe(true)
    }
    expect(openai.requests.length).toBeLessThanOrEqual(1)
  })
})

describe('a provider that dies mid-stream', () => {
  it('ends in one error event and a complete body', async () => {
    const openai = await provider()
    const kong = await aiKong(openai.url)
    const answering = post(kong, STREAM)
    const turn = await openai.turn(0)
    turn.head(200, SSE_TYPE)
    turn.response.write(EVENTS.role + EVENTS.hello)
    const reader = new BodyReader(await answering)
    await reader.expect(EVENTS.role + EVENTS.hello)
    turn.response.destroy()
    const rest = await reader.rest()
    expect(rest).toMatch(/^data: \{"error":\{.*\}\}\n\n$/)
    expect(rest).not.toContain('[DONE]')
  })

  it('breaks the connection where the format has no words for it', async () => {
    const openai = await provider()
    const kong = await aiKong(openai.url, { route_type: 'preserve' })
    const answering = post(kong, { any: 1 })
    const turn = await openai.turn(0)
    turn.head(200, { 'content-type': 'application/json' })
    turn.response.write('{"half":')
    const answer = await answering
    setImmediate(() => turn.response.destroy())
    await expect(answer.text()).rejects.toThrow('terminated')
    expect(openai.requests).toHaveLength(1)
  })

  it('before its first token is a real error with a status', async () => {
    const openai = await provider((turn) => {
      turn.head(200, SSE_TYPE)
      turn.response.write(EVENTS.role)
      setImmediate(() => turn.response.destroy())
    })
    const answer = await post(await aiKong(openai.url), STREAM)
    expect([answer.status, await answer.json()]).toMatchObject([502, { error: { type: 'upstream_error' } }])
  })
})
