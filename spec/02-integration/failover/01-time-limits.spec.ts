import net from 'node:net'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { aiConfig, aiGateway, errorOf, messages, post } from '../../support/ai-gateway.js'
import { closing } from '../../support/closing.js'
import { BodyReader, EVENTS, provider, SSE_TYPE, type ProviderTurn } from '../../support/ai-provider.js'

const streamed = { messages, stream: true }
const whole = { messages }

/** Sends the same again and again, until the connection is closed. */
function repeating(piece: string) {
  return ({ head, response }: ProviderTurn) => {
    head(200, SSE_TYPE)
    const timer = setInterval(() => response.write(piece), 5)
    response.once('close', () => clearInterval(timer))
  }
}

const TIMED_OUT = { type: 'upstream_error', code: 'upstream_timeout' }

describe('a limit that passes before the first delta is a 504', () => {
  it('connect: nobody answers the handshake', async () => {
    const sockets = new Set<net.Socket>()
    const silent = net.createServer((socket) => sockets.add(socket)).listen(0, '127.0.0.1')
    await new Promise((resolve) => silent.once('listening', resolve))
    closing({
      close: async () => {
        for (const socket of sockets) socket.destroy()
        await new Promise((resolve) => silent.close(resolve))
      },
    })
    const url = `https://127.0.0.1:${(silent.address() as AddressInfo).port}`
    const gateway = await aiGateway(aiConfig(url, { timeouts: { connect: 20 } }))
    const { status, error } = await errorOf(await post(gateway, whole))
    expect(status).toBe(504)
    expect(error).toMatchObject(TIMED_OUT)
  })

  it.each([
    ['headers', { headers: 20 }, whole],
    ['total, not streamed', { total: 300 }, whole],
    ['total', { total: 300 }, streamed],
    ['first token, without even headers', { first_token: 300 }, streamed],
  ])('%s: the provider says nothing at all', async (_, timeouts, asked) => {
    const upstream = await provider()
    const gateway = await aiGateway(aiConfig(upstream.url, { timeouts }))
    const response = await post(gateway, asked)
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8')
    const { status, error } = await errorOf(response)
    expect(status).toBe(504)
    expect(error).toMatchObject(TIMED_OUT)
    const turn = await upstream.turn(0)
    await turn.closed
    expect(turn.aborted()).toBe(true)
  })

  it.each([
    ['roles', EVENTS.role],
    ['comments', ': ping\n\n'],
    ['empty deltas', EVENTS.hello.replace('Hello', '')],
  ])('first token: %s are none', async (_, piece) => {
    const upstream = await provider(repeating(piece))
    const gateway = await aiGateway(aiConfig(upstream.url, { timeouts: { first_token: 40 } }))
    const response = await post(gateway, streamed)
    const { status, error } = await errorOf(response)
    expect(status).toBe(504)
    expect(error).toMatchObject({ ...TIMED_OUT, message: 'the provider sent no token in time' })
    const turn = await upstream.turn(0)
    await turn.closed
    expect(turn.aborted()).toBe(true)
  })

  it('first token: where the hold is over before, it is an error event', async () => {
    const upstream = await provider(({ head, response }) => {
      head(200, SSE_TYPE)
      response.write(EVENTS.role)
    })
    const gateway = await aiGateway(aiConfig(upstream.url, { hold_ms: 0, timeouts: { first_token: 500 } }))
    const response = await post(gateway, streamed)
    expect(response.status).toBe(200)
    expect(await response.text()).toBe(
      `${EVENTS.role}data: {"error":{"message":"the provider sent no token in time","type":"upstream_error","param":null,"code":"upstream_timeout"}}\n\n`,
    )
  })
})

describe('a limit that passes after the first delta is an error event', () => {
  it.each([
    [
      'idle',
      'did not go on in time',
      { idle: 100 },
      ({ head, response }: ProviderTurn) => {
        head(200, SSE_TYPE)
        response.write(EVENTS.hello)
      },
    ],
    ['total', 'took longer than it may', { total: 500 }, repeating(EVENTS.hello)],
  ] as const)('%s', async (_, message, timeouts, answer) => {
    const upstream = await provider(answer)
    const gateway = await aiGateway(aiConfig(upstream.url, { timeouts }))
    const response = await post(gateway, streamed)
    expect(response.status).toBe(200)
    const text = await response.text()
    expect(text.startsWith(EVENTS.hello)).toBe(true)
    const events = text.trimEnd().split('\n\n')
    expect(events.at(-1)).toContain(message)
    expect(events.at(-1)).toContain('"code":"upstream_timeout"')
    expect(text).not.toContain('[DONE]')
    const turn = await upstream.turn(0)
    await turn.closed
    expect(turn.aborted()).toBe(true)
  })

  it('breaks an answer off that passes untouched', async () => {
    const upstream = await provider(repeating('tick'))
    const config = aiConfig(upstream.url, { route_type: 'preserve', timeouts: { total: 500 } })
    const response = await post(await aiGateway(config), whole)
    expect(response.status).toBe(200)
    await expect(response.text()).rejects.toThrow()
  })
})

it('leaves an answer alone that keeps within its limits', async () => {
  const upstream = await provider(({ head, response }) => {
    head(200, SSE_TYPE)
    response.write(EVENTS.role)
    response.write(EVENTS.hello)
  })
  const config = aiConfig(upstream.url, { timeouts: { first_token: 1000, idle: 10_000, total: 60_000 } })
  const body = new BodyReader(await post(await aiGateway(config), streamed))
  await body.expect(EVENTS.role + EVENTS.hello)
  await new Promise((resolve) => setTimeout(resolve, 1050))
  const { response } = await upstream.turn(0)
  response.end(EVENTS.finish + EVENTS.done)
  expect(await body.rest()).toBe(EVENTS.finish + EVENTS.done)
})
