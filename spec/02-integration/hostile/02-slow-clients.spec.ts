import { describe, expect, it } from 'vitest'
import { aiConfig, aiGateway, post } from '../../support/ai-gateway.js'
import { EVENTS, provider, SSE_TYPE, type ProviderTurn } from '../../support/ai-provider.js'
import { gate } from '../../support/origin.js'
import { rawClient } from '../../support/raw-http.js'

const messages = [{ role: 'user', content: 'Hi' }]
const streamed = JSON.stringify({ messages, stream: true })
const request = (body: string, length = body.length) =>
  `POST /chat HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n${body}`

const TIMEOUT = /^HTTP\/1\.1 408 Request Timeout\r\n[^]*"message":"Request timeout"/

/** So short that a spec can wait for it, and longer than a busy machine keeps a good client waiting. */
const SHORT = { headers: 500, idle: 500 }
const PATIENT = { headers: 60_000, idle: 60_000 }

async function running(limits = SHORT) {
  const upstream = await provider()
  const gateway = await aiGateway(aiConfig(upstream.url, { logging: { log_statistics: true } }), { limits })
  return { upstream, gateway, client: await rawClient(gateway.url) }
}

/** As many events as the connection takes, then as many as it takes again. */
function pour({ response }: ProviderTurn): { sent: () => number; full: Promise<void> } {
  const { promise: full, open } = gate()
  const piece = EVENTS.hello.replace('Hello', 'x'.repeat(64 * 1024))
  let sent = 0
  const more = () => {
    while (!response.destroyed) {
      sent += piece.length
      if (!response.write(piece)) break
    }
    open()
  }
  response.on('drain', more)
  more()
  return { sent: () => sent, full }
}

describe('a client that sends slowly', () => {
  it('is answered 408 where its headers never end', async () => {
    const { upstream, client } = await running({ ...PATIENT, headers: 100 })
    client.write('POST /chat HTTP/1.1\r\nHost: a\r\n')
    // Each byte is progress to an idle limit: only the limit of the whole ends this.
    const drip = setInterval(() => client.write('X: y\r\n'), 10)
    const text = await client.rest()
    clearInterval(drip)
    expect(text).toMatch(TIMEOUT)
    expect(upstream.requests).toEqual([])
  })

  it('is closed where it sends nothing at all', async () => {
    const { client } = await running({ ...PATIENT, idle: 100 })
    expect(await client.rest()).toBe('')
  })

  it('is answered 408 where its body stops, and no provider is asked', async () => {
    const { upstream, gateway, client } = await running()
    client.write(request(streamed.slice(0, 10), streamed.length))
    expect(await client.rest()).toMatch(TIMEOUT)
    expect(upstream.requests).toEqual([])
    expect(await gateway.entry()).toMatchObject({ aborted: 'the client went away' })
  })

  it('may take its time as long as something comes', async () => {
    const { upstream, client } = await running({ headers: 60_000, idle: 400 })
    client.write(request('', streamed.length))
    for (const byte of streamed) {
      client.write(byte)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    expect((await upstream.turn(0)).request.body.toString()).toContain('"stream":true')
  })

  it('is not confused with a provider that thinks', async () => {
    const { upstream, client } = await running({ headers: 60_000, idle: 200 })
    client.write(request(streamed))
    const turn = await upstream.turn(0)
    await new Promise((resolve) => setTimeout(resolve, 500))
    turn.head(200, SSE_TYPE)
    turn.response.write(EVENTS.role + EVENTS.hello)
    await client.seen(/Hello/)
    await new Promise((resolve) => setTimeout(resolve, 500))
    turn.response.end(EVENTS.finish + EVENTS.done)
    await client.seen(/\[DONE\]/)
  })
})

describe('a client that reads slowly', () => {
  it('pauses the provider, and reads everything once it goes on', async () => {
    const { upstream, client } = await running(PATIENT)
    client.socket.pause()
    client.write(request(streamed))
    const turn = await upstream.turn(0)
    turn.head(200, SSE_TYPE)
    const { sent, full } = pour(turn)
    await full
    // Sockets' own buffers take megabytes: what is written stops growing once they are full.
    let before = -1
    while (before !== sent()) {
      before = sent()
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    expect(before).toBeLessThan(32 * 1024 * 1024)
    turn.response.removeAllListeners('drain')
    turn.response.end(EVENTS.finish + EVENTS.done)
    client.socket.resume()
    await client.seen(/\[DONE\]/)
    expect(client.text.match(/x{65536}/g)).toHaveLength(
      before / EVENTS.hello.replace('Hello', 'x'.repeat(65536)).length,
    )
  })

  it('is ended where it stops altogether: the provider is let go, the log says why', async () => {
    const { upstream, gateway, client } = await running()
    client.socket.pause()
    client.write(request(streamed))
    const turn = await upstream.turn(0)
    turn.head(200, SSE_TYPE)
    pour(turn)
    await turn.closed
    expect(turn.aborted()).toBe(true)
    expect(await gateway.entry()).toMatchObject({
      aborted: 'the client stopped reading',
      ai: { proxy: { meta: { request_mode: 'stream' } } },
    })
  })

  it('is ended, too, where the whole answer is written and never read', async () => {
    const { upstream, gateway, client } = await running()
    client.socket.pause()
    client.write(request(JSON.stringify({ messages })))
    const { response } = await upstream.turn(0)
    const content = 'x'.repeat(20 * 1024 * 1024)
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(
      `{"choices":[{"index":0,"message":{"role":"assistant","content":"${content}"},"finish_reason":"stop"}]}`,
    )
    expect(await gateway.entry()).toMatchObject({ aborted: 'the client stopped reading' })
  })

  it('harms nobody else', async () => {
    const { upstream, gateway, client } = await running()
    client.socket.pause()
    client.write(request(streamed))
    const slow = await upstream.turn(0)
    slow.head(200, SSE_TYPE)
    pour(slow)
    const pending = post(gateway, { messages, stream: true })
    const turn = await upstream.turn(1)
    turn.head(200, SSE_TYPE)
    turn.response.end(EVENTS.role + EVENTS.hello + EVENTS.finish + EVENTS.done)
    expect(await (await pending).text()).toContain('[DONE]')
    await slow.closed
  })
})
