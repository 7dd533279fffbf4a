import http from 'node:http'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { startMock } from '../../../lib/mock/server.js'
import { aiConfig, aiGateway, errorOf, FilterWatch, messages, post } from '../../support/ai-gateway.js'
import { closing } from '../../support/closing.js'
import { BodyReader, EVENTS, provider, SSE_TYPE, type ProviderTurn } from '../../support/ai-provider.js'
import { delta, finish, open, START, STOP } from '../../support/anthropic-events.js'
import { readAsClient } from '../../support/streams.js'

const asked = { messages, stream: true }
const OVERLOADED = { error: { message: 'Overloaded', type: 'overloaded_error' } }
const text = (value: string) => delta(0, { type: 'text_delta', text: value })

/** A provider that has sent its headers and waits. */
const listening = () => provider(({ head }) => head(200, SSE_TYPE))

describe('an event', () => {
  it('leaves before the provider sends the next one', async () => {
    const upstream = await listening()
    const gateway = await aiGateway(aiConfig(upstream.url))
    const pending = post(gateway, asked)
    const { response: out } = await upstream.turn(0)
    out.write(EVENTS.role + EVENTS.hello)
    const reader = new BodyReader(await pending)
    expect(await reader.expect(EVENTS.role + EVENTS.hello)).toBe(EVENTS.role + EVENTS.hello)
    for (const event of [EVENTS.there, EVENTS.finish, EVENTS.done]) {
      out.write(event)
      expect(await reader.expect(event)).toBe(event)
    }
    expect(await reader.next()).toBeUndefined()
  })

  it('leaves before the provider sends the next one, translated', async () => {
    const upstream = await listening()
    const gateway = await aiGateway(aiConfig(upstream.url, { model: { provider: 'anthropic' } }))
    const pending = post(gateway, asked)
    const turn = await upstream.turn(0)
    turn.event(START)
    turn.event(open(0, { type: 'text', text: '' }))
    turn.event(text('one'))
    const reader = new BodyReader(await pending)
    let seen = ''
    while (!seen.includes('"content":"one"')) seen += await reader.next()
    for (const word of ['two', 'three']) {
      turn.event(text(word))
      expect(await reader.next()).toContain(`"content":"${word}"`)
    }
    turn.event(finish('end_turn'))
    turn.event(STOP)
    expect(await reader.rest()).toMatch(/"finish_reason":"stop".*\n\ndata: \[DONE\]\n\n$/s)
  })

  it('waits for its end, however it is cut', async () => {
    const upstream = await listening()
    const watch = new FilterWatch()
    const gateway = await aiGateway(aiConfig(upstream.url), { modules: [watch.module] })
    const pending = post(gateway, asked)
    const { response: out } = await upstream.turn(0)
    const bytes = Buffer.from(EVENTS.there)
    const cut = bytes.indexOf('你') + 1
    out.write(bytes.subarray(0, cut))
    expect(await watch.next()).toEqual({ chunk: '', eof: false })
    out.write(bytes.subarray(cut, -1))
    expect(await watch.next()).toEqual({ chunk: '', eof: false })
    out.write(bytes.subarray(-1))
    expect(await watch.next()).toEqual({ chunk: EVENTS.there, eof: false })
    out.end(EVENTS.finish + EVENTS.done)
    expect(await (await pending).text()).toBe(EVENTS.there + EVENTS.finish + EVENTS.done)
  })

  it.each(['openai', 'anthropic'])('survives a write for each byte: %s', async (name) => {
    const mock = closing(await startMock({ pace: 0 }))
    const gateway = await aiGateway(
      aiConfig(mock.url, { model: { provider: name, name: 'chaos/utf8split' } }),
    )
    const { whole, done } = readAsClient(Buffer.from(await (await post(gateway, asked)).arrayBuffer()))
    expect(done).toBe(true)
    expect(JSON.stringify(whole)).toContain('Say 你好 👋')
  })
})

describe('before the first delta', () => {
  const nothings: [what: string, ...events: string[]][] = [
    ['nothing at all'],
    ['a role', EVENTS.role],
    ['a ping and an empty delta', ': ping\n\n', EVENTS.hello.replace('Hello', '')],
  ]
  it.each(nothings)('an error of OpenAI has a status of its own, after %s', async (_, ...events) => {
    const upstream = await listening()
    const watch = new FilterWatch()
    const gateway = await aiGateway(aiConfig(upstream.url), { modules: [watch.module] })
    const pending = post(gateway, asked)
    const turn = await upstream.turn(0)
    for (const event of events) {
      turn.response.write(event)
      expect(await watch.next()).toEqual({ chunk: '', eof: false })
    }
    turn.event(OVERLOADED)
    const response = await pending
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8')
    expect(response.headers.get('cache-control')).toBeNull()
    expect(response.headers.get('x-accel-buffering')).toBeNull()
    expect(await errorOf(response)).toMatchObject({ status: 503, error: { message: 'Overloaded' } })
  })

  it('an error of Anthropic has a status of its own, after all that it begins with', async () => {
    const upstream = await listening()
    const gateway = await aiGateway(aiConfig(upstream.url, { model: { provider: 'anthropic' } }))
    const pending = post(gateway, asked)
    const turn = await upstream.turn(0)
    turn.event(START)
    turn.event({ type: 'ping' })
    turn.event(open(0, { type: 'text', text: '' }))
    turn.event(text(''))
    turn.event({ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } })
    expect(await errorOf(await pending)).toEqual({
      status: 529,
      error: { message: 'Overloaded', type: 'server_error', param: null, code: 'overloaded_error' },
    })
  })

  it.each(['openai', 'anthropic'])('a %s that breaks off is a 502', async (name) => {
    const mock = closing(await startMock({ pace: 0 }))
    for (const fault of ['cut@0', 'cut@1']) {
      const model = { provider: name, name: `chaos/${fault}` }
      const gateway = await aiGateway(aiConfig(mock.url, { model }))
      expect(await errorOf(await post(gateway, asked))).toMatchObject({
        status: 502,
        error: { code: 'answer_cut_off' },
      })
    }
  })

  it('what is held goes out when the hold is over', async () => {
    const upstream = await listening()
    const gateway = await aiGateway(aiConfig(upstream.url, { hold_ms: 20 }))
    const pending = post(gateway, asked)
    const turn = await upstream.turn(0)
    turn.response.write(EVENTS.role)
    const reader = new BodyReader(await pending)
    expect(await reader.next()).toBe(EVENTS.role)
    turn.event(OVERLOADED)
    expect(await reader.rest()).toBe(
      'data: {"error":{"message":"Overloaded","type":"overloaded_error","param":null,"code":null}}\n\n',
    )
  })

  it('nothing is held with hold_ms 0', async () => {
    const upstream = await listening()
    const gateway = await aiGateway(aiConfig(upstream.url, { hold_ms: 0 }))
    const pending = post(gateway, asked)
    const turn = await upstream.turn(0)
    turn.response.write(EVENTS.role)
    const reader = new BodyReader(await pending)
    expect(await reader.next()).toBe(EVENTS.role)
    turn.event(OVERLOADED)
    expect(await reader.rest()).toMatch(/^data: \{"error":.*\n\n$/)
  })
})

describe('after the end', () => {
  const terminal: [string, (turn: ProviderTurn) => void][] = [
    ['openai', ({ response }) => response.write(EVENTS.hello + EVENTS.finish + EVENTS.done)],
    [
      'anthropic',
      (turn) => {
        for (const event of [START, open(0, { type: 'text', text: 'a' }), text('Hello')]) turn.event(event)
        turn.event(finish('end_turn'))
        turn.event(STOP)
      },
    ],
  ]

  it.each(terminal)(
    'the client of %s has all though the connection stays, and that is used again',
    async (name, end) => {
      const upstream = await provider((turn) => {
        turn.head(200, SSE_TYPE)
        end(turn)
      })
      const gateway = await aiGateway(aiConfig(upstream.url, { model: { provider: name } }))
      expect(await (await post(gateway, asked)).text()).toMatch(/data: \[DONE\]\n\n$/)
      const first = await upstream.turn(0)
      const { remotePort } = first.response.req.socket
      expect(first.response.writableEnded).toBe(false)
      first.response.end(': bye\n\n')
      await first.closed
      // The gateway has read that end before it reads the next request, which comes on another connection.
      for (let count = 1, port; port !== remotePort && count < 50; count++) {
        await (await post(gateway, asked)).text()
        port = (await upstream.turn(count)).response.req.socket.remotePort
        expect(count).toBeLessThan(49)
      }
    },
  )

  it('a connection that stays open for longer is closed', async () => {
    const upstream = await provider((turn) => {
      turn.head(200, SSE_TYPE)
      turn.response.write(EVENTS.hello + EVENTS.finish + EVENTS.done)
    })
    const gateway = await aiGateway(aiConfig(upstream.url))
    expect(await (await post(gateway, asked)).text()).toMatch(/data: \[DONE\]\n\n$/)
    const turn = await upstream.turn(0)
    await turn.closed
    expect(turn.aborted()).toBe(true)
  })
})

describe('a slow client', () => {
  const PIECE = EVENTS.hello.replace('Hello', 'x'.repeat(64 * 1024))
  const PIECES = 600

  it.each(['openai', 'anthropic'])('holds %s up, and misses nothing', async (name) => {
    let sent = 0
    const upstream = await provider(async (turn) => {
      const { response: out } = turn
      turn.head(200, SSE_TYPE)
      const write = async (bytes: string) => {
        if (!out.write(bytes)) await once(out, 'drain')
      }
      const event = `data: ${JSON.stringify(text('x'.repeat(64 * 1024)))}\n\n`
      if (name === 'anthropic') {
        turn.event(START)
        turn.event(open(0, { type: 'text', text: '' }))
      }
      for (; sent < PIECES; sent++) await write(name === 'openai' ? PIECE : event)
      if (name === 'openai') out.end(EVENTS.finish + EVENTS.done)
      else {
        turn.event(finish('end_turn'))
        turn.event(STOP)
        out.end()
      }
    })
    const gateway = await aiGateway(aiConfig(upstream.url, { model: { provider: name } }))
    const request = http.request(`${gateway.url}/chat`, { method: 'POST' })
    request.end(JSON.stringify(asked))
    const [response] = (await once(request, 'response')) as [http.IncomingMessage]
    // Nobody reads: the provider comes to a stop. A machine that is slow for a while only shortens this.
    for (let before = -1; before !== sent;) {
      before = sent
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
    expect(sent).toBeLessThan(PIECES / 2)
    let characters = 0
    let tail = ''
    for await (const bytes of response) {
      characters += (bytes as Buffer).toString('latin1').split('x').length - 1
      tail = (tail + String(bytes)).slice(-20)
    }
    expect(tail).toMatch(/data: \[DONE\]\n\n$/)
    expect(characters).toBeGreaterThanOrEqual(PIECES * 64 * 1024)
    expect(sent).toBe(PIECES)
  })
})
