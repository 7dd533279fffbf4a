import http from 'node:http'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../lib/llm/json.js'
import { aiConfig, aiGateway, FilterWatch, messages, post, type AiGateway } from '../../support/ai-gateway.js'
import {
  BodyReader,
  COMPLETION,
  EVENTS,
  JSON_TYPE,
  provider,
  SSE_TYPE,
  type Provider,
} from '../../support/ai-provider.js'
import { delta, open, START } from '../../support/anthropic-events.js'

const streamed = { messages, stream: true }
const text = (value: string) => delta(0, { type: 'text_delta', text: value })

const PROVIDERS: [name: string, config: JsonObject][] = [
  ['openai', {}],
  ['anthropic', { model: { provider: 'anthropic', name: 'claude' } }],
]

interface Running {
  upstream: Provider
  gateway: AiGateway
  watch: FilterWatch
}

async function running(config: JsonObject): Promise<Running> {
  const upstream = await provider()
  const watch = new FilterWatch()
  const logging = { log_statistics: true }
  const gateway = await aiGateway(aiConfig(upstream.url, { logging, ...config }), { modules: [watch.module] })
  return { upstream, gateway, watch }
}

/** The provider's connection is closed before it writes again, and the exchange is logged. */
async function cancelled({ upstream, gateway }: Running): Promise<JsonObject> {
  const turn = await upstream.turn(0)
  await turn.closed
  expect(turn.aborted()).toBe(true)
  expect(turn.response.write('more')).toBe(false)
  return await gateway.entry()
}

describe.each(PROVIDERS)('a client that goes away cancels %s', (name, config) => {
  const first = name === 'openai' ? EVENTS.role : `event: ping\ndata: {"type":"ping"}\n\n`

  it.each([
    ['streamed', streamed],
    ['whole', { messages }],
  ])('before the headers, %s', async (_, asked) => {
    const run = await running(config)
    const client = new AbortController()
    const pending = post(run.gateway, asked, { signal: client.signal })
    await run.upstream.turn(0)
    client.abort()
    await expect(pending).rejects.toThrow()
    expect(await cancelled(run)).toMatchObject({ ai: { proxy: { meta: { provider_name: name } } } })
  })

  it('between the headers and the first token', async () => {
    const run = await running(config)
    const client = new AbortController()
    const pending = post(run.gateway, streamed, { signal: client.signal })
    const turn = await run.upstream.turn(0)
    turn.head(200, SSE_TYPE)
    turn.response.write(first)
    expect(await run.watch.next()).toEqual({ chunk: '', eof: false })
    client.abort()
    await expect(pending).rejects.toThrow()
    expect(await cancelled(run)).toMatchObject({ upstream_status: '200' })
  })

  it('mid-stream', async () => {
    const run = await running(config)
    const client = new AbortController()
    const pending = post(run.gateway, streamed, { signal: client.signal })
    const turn = await run.upstream.turn(0)
    turn.head(200, SSE_TYPE)
    if (name === 'openai') turn.response.write(EVENTS.role + EVENTS.hello)
    else for (const event of [START, open(0, { type: 'text', text: '' }), text('Hello')]) turn.event(event)
    const reader = new BodyReader(await pending)
    let seen = ''
    while (!seen.includes('Hello')) seen += await reader.next()
    client.abort()
    await expect(reader.rest()).rejects.toThrow()
    expect(await cancelled(run)).toMatchObject({
      response: { status: 200, size: expect.any(Number) as number },
      ai: { proxy: { meta: { provider_name: name, request_mode: 'stream' } } },
    })
  })

  it('in the middle of a whole answer', async () => {
    const run = await running(config)
    const client = new AbortController()
    const pending = post(run.gateway, { messages }, { signal: client.signal })
    const turn = await run.upstream.turn(0)
    turn.head(200, JSON_TYPE)
    turn.response.write(COMPLETION.slice(0, 40))
    expect(await run.watch.next()).toEqual({ chunk: '', eof: false })
    client.abort()
    await expect(pending).rejects.toThrow()
    await cancelled(run)
  })

  it('while its error is read', async () => {
    const run = await running(config)
    const client = new AbortController()
    const pending = post(run.gateway, { messages }, { signal: client.signal })
    const turn = await run.upstream.turn(0)
    turn.head(500, JSON_TYPE)
    turn.response.write('{"error":')
    expect(await run.watch.next()).toEqual({ chunk: '', eof: false })
    client.abort()
    await expect(pending).rejects.toThrow()
    await cancelled(run)
  })
})

describe('a client that goes away', () => {
  it('while it sends its request asks no provider', async () => {
    const { upstream, gateway } = await running({})
    const request = http.request(gateway.url, { method: 'POST' })
    request.on('error', () => {})
    request.write('{"messages":')
    await once(request, 'socket')
    await new Promise<void>((resolve) => request.write(' ', () => resolve()))
    request.destroy()
    expect((await gateway.entry()).ai).toBeUndefined()
    expect(upstream.requests).toEqual([])
  })

  it('while it reads slowly cancels the provider all the same', async () => {
    const { upstream, gateway } = await running({})
    const request = http.request(gateway.url, { method: 'POST' })
    request.on('error', () => {})
    request.end(JSON.stringify(streamed))
    const turn = await upstream.turn(0)
    turn.head(200, SSE_TYPE)
    const piece = EVENTS.hello.replace('Hello', 'x'.repeat(64 * 1024))
    const more = () => {
      while (!turn.response.destroyed && turn.response.write(piece));
    }
    turn.response.on('drain', more)
    more()
    const [response] = (await once(request, 'response')) as [http.IncomingMessage]
    response.pause()
    request.destroy()
    await turn.closed
    expect(turn.aborted()).toBe(true)
    await gateway.entry()
  })

  it('leaves the gateway well', async () => {
    const { upstream, gateway } = await running({})
    const client = new AbortController()
    const pending = post(gateway, { messages }, { signal: client.signal })
    await upstream.turn(0)
    client.abort()
    await expect(pending).rejects.toThrow()
    const next = post(gateway, { messages })
    const turn = await upstream.turn(1)
    turn.head(200, JSON_TYPE)
    turn.response.end(COMPLETION)
    expect(await (await next).text()).toBe(COMPLETION)
    expect(gateway.problems).toEqual([])
  })
})
