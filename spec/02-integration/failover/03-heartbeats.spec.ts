import { describe, expect, it } from 'vitest'
import { aiConfig, aiGateway, messages, phases, post } from '../../support/ai-gateway.js'
import {
  answering,
  BodyReader,
  COMPLETION,
  EVENTS,
  JSON_TYPE,
  provider,
  SSE_TYPE,
  STREAM,
} from '../../support/ai-provider.js'

const streamed = { messages, stream: true }
const HEARTBEAT = ': heartbeat\n\n'
const GOOD = STREAM.replace(EVENTS.usage, '')

/** Without heartbeats, however many there were. */
const spoken = (text: string) => text.replaceAll(HEARTBEAT, '')

describe('heartbeats', () => {
  it('go out before the provider has answered, with the status and the headers of a stream', async () => {
    const upstream = await provider()
    const seen: unknown[] = []
    const watch = phases('watch', { headerFilter: (kong) => void seen.push(kong.response.getStatus()) })
    const gateway = await aiGateway(aiConfig(upstream.url, { heartbeat_ms: 10 }), { modules: [watch] })
    const response = await post(gateway, streamed)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    expect(response.headers.get('x-kong-llm-model')).toBe('openai/gpt-4o')
    const body = new BodyReader(response)
    expect(spoken(await body.expect(HEARTBEAT + HEARTBEAT))).toBe('')
    const { head, response: out } = await upstream.turn(0)
    head(200, SSE_TYPE)
    out.end(STREAM)
    expect(spoken(await body.rest())).toBe(GOOD)
    expect(seen).toEqual([200])
  })

  it('go out between the headers and the first token, and in every later silence', async () => {
    const upstream = await provider(({ head, response }) => {
      head(200, SSE_TYPE)
      response.write(EVENTS.role)
    })
    const gateway = await aiGateway(aiConfig(upstream.url, { heartbeat_ms: 10 }))
    const body = new BodyReader(await post(gateway, streamed))
    const { response } = await upstream.turn(0)
    // What was held goes out in the first one's place.
    let start = ''
    while (!start.includes(EVENTS.role + HEARTBEAT)) start += (await body.next())!
    expect(spoken(start)).toBe(EVENTS.role)
    response.write(EVENTS.hello)
    let later = ''
    while (!later.includes(EVENTS.hello + HEARTBEAT)) later += (await body.next())!
    response.end(EVENTS.finish + EVENTS.done)
    expect(spoken(await body.rest())).toBe(EVENTS.finish + EVENTS.done)
  })

  it('go out while a target is left alone that asked for it, and it is asked again all the same', async () => {
    let isBusy = true
    const upstream = await provider(({ head, response }) => {
      head(isBusy ? 429 : 200, isBusy ? { ...JSON_TYPE, 'retry-after': '1.5' } : SSE_TYPE)
      response.end(isBusy ? '{"error":{"message":"slow down"}}' : STREAM)
      isBusy = false
    })
    const config = aiConfig(upstream.url, {
      // Longer than the first answer takes, shorter than the pause.
      heartbeat_ms: 500,
      balancer: { failover_criteria: ['http_429'] },
    })
    const response = await post(await aiGateway(config), streamed)
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream'])
    const body = new BodyReader(response)
    const start = await body.expect(HEARTBEAT)
    expect(upstream.requests).toHaveLength(1)
    expect(spoken(start + (await body.rest()))).toBe(GOOD)
    expect(upstream.requests).toHaveLength(2)
  })

  it('do not come where nothing is streamed', async () => {
    const upstream = await provider(({ response }) => {
      setTimeout(() => response.writeHead(200, JSON_TYPE).end(COMPLETION), 50)
    })
    const gateway = await aiGateway(aiConfig(upstream.url, { heartbeat_ms: 10 }))
    expect(await (await post(gateway, { messages })).text()).toBe(COMPLETION)
  })
})

describe('behind a heartbeat', () => {
  it.each([
    ['an error of the provider', '"message":"slow down"', 429],
    ['a broken connection', '"code":"upstream_closed"', 0],
    ['a page', '"code":"unexpected_content_type"', 200],
  ])('%s is an error event, and no other target is asked', async (_, expected, status) => {
    const first = await provider()
    const second = await answering(200, SSE_TYPE, STREAM)
    const config = aiConfig(first.url, {
      heartbeat_ms: 10,
      targets: [aiConfig(second.url)].map(({ model, auth }) => ({ model: model!, auth: auth! })),
      balancer: { algorithm: 'priority', failover_criteria: ['error', 'http_429', 'invalid_header'] },
    })
    const body = new BodyReader(await post(await aiGateway(config), streamed))
    expect(spoken(await body.expect(HEARTBEAT))).toBe('')
    const { response } = await first.turn(0)
    if (status === 0) response.destroy()
    else if (status === 200) response.writeHead(200, { 'content-type': 'text/html' }).end('<html>')
    else response.writeHead(status, JSON_TYPE).end('{"error":{"message":"slow down"}}')
    const rest = spoken(await body.rest())
    expect(rest).toMatch(/^data: \{"error":.*\}\n\n$/)
    expect(rest).toContain(expected)
    expect(second.requests).toHaveLength(0)
  })

  it('limits of time hold', async () => {
    const upstream = await provider()
    const config = aiConfig(upstream.url, { heartbeat_ms: 10, timeouts: { first_token: 50 } })
    const rest = spoken(await (await post(await aiGateway(config), streamed)).text())
    expect(rest).toContain('"code":"upstream_timeout"')
    const turn = await upstream.turn(0)
    await turn.closed
    expect(turn.aborted()).toBe(true)
  })
})
