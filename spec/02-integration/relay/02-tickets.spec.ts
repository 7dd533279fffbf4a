import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import * as aiProxy from '../../../plugins/ai-proxy/index.js'
import { aiConfig, messages, phases, post } from '../../support/ai-gateway.js'
import { closing } from '../../support/closing.js'
import { answering, COMPLETION, JSON_TYPE, provider } from '../../support/ai-provider.js'
import { pluginHost, type TestHost } from '../../support/plugin-host.js'
import { until } from '../../support/plugin-server.js'

/** A plugin that says what arrived, and how often. */
function counting() {
  let runs = 0
  const module = phases('one', {
    async access(kong) {
      runs++
      await kong.response.exit(200, JSON.stringify(await kong.request.getHeaders()))
    },
    bodyFilter() {},
  })
  return { module, runs: () => runs }
}

/** Does Kong's access phase and gives the ticket that would have gone out. */
async function ticketOf({ kong }: TestHost): Promise<{ ticket: string; log: () => Promise<void> }> {
  const { doubles } = await kong({ one: {} })
  const run = doubles[0]!.begin({})
  await doubles[0]!.beforeUpstream(run)
  const [ticket] = run.request.upstream.headers['x-relay-ticket']!
  return { ticket: ticket!, log: () => doubles[0]!.log(run, 200) }
}

const withTicket = (ticket: string): RequestInit => ({ headers: { 'x-relay-ticket': ticket } })

const FORBIDDEN = { error: { message: 'forbidden', type: 'permission_error', param: null, code: null } }

describe('the relay', () => {
  it('gives nothing to anybody without a ticket: 403 without detail, whatever is asked', async () => {
    const { module, runs } = counting()
    const test = await pluginHost([module])
    for (const init of [
      {},
      { method: 'POST', body: 'x'.repeat(1_000_000) },
      withTicket(''),
      withTicket('x'),
    ]) {
      const answer = await fetch(`${test.relayUrl}/any/path`, init)
      expect([answer.status, await answer.json()]).toEqual([403, FORBIDDEN])
    }
    expect(runs()).toBe(0)
    expect(test.host.counters.refused).toBe(4)
  })

  it('takes a ticket once: a repeat gets 409 in our error shape, while the exchange runs and after it', async () => {
    const { module, runs } = counting()
    const test = await pluginHost([module])
    const { ticket, log } = await ticketOf(test)
    expect((await fetch(test.relayUrl, withTicket(ticket))).status).toBe(200)
    const during = await fetch(test.relayUrl, withTicket(ticket))
    await log()
    await test.entry(0)
    const after = await fetch(test.relayUrl, withTicket(ticket))
    for (const answer of [during, after]) {
      expect(answer.status).toBe(409)
      expect(await answer.json()).toMatchObject({
        error: { message: 'this request was sent before: it is not sent to the provider twice' },
      })
    }
    expect([runs(), test.host.counters.repeated]).toEqual([1, 2])
  })

  it('keeps its connection to Kong through refusals', async () => {
    const test = await pluginHost([counting().module])
    const socket = connect(Number(new URL(test.relayUrl).port), '127.0.0.1')
    closing({ close: async () => void socket.destroy() })
    let read = ''
    socket.on('data', (bytes) => (read += bytes.toString()))
    for (let place = 1; place <= 3; place++) {
      socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc')
      await until(() => read.split('HTTP/1.1 403').length === place + 1)
    }
    expect(read).toContain('Keep-Alive: timeout=75')
  })

  it('forgets a ticket that nobody came with in its time', async () => {
    const { module, runs } = counting()
    const test = await pluginHost([module], { ticketLifeMs: 30 })
    const { ticket } = await ticketOf(test)
    await new Promise((resolve) => setTimeout(resolve, 60))
    expect((await fetch(test.relayUrl, withTicket(ticket))).status).toBe(403)
    expect(runs()).toBe(0)
  })

  it('forgets a ticket whose request Kong has answered without it', async () => {
    const test = await pluginHost([counting().module])
    const { ticket, log } = await ticketOf(test)
    await log()
    expect((await fetch(test.relayUrl, withTicket(ticket))).status).toBe(403)
    expect(test.host.counters.strayLogEvents).toBe(1)
  })

  it('has no ticket of another process', async () => {
    const [one, two] = [await pluginHost([counting().module]), await pluginHost([counting().module])]
    const { ticket } = await ticketOf(one)
    expect((await fetch(two.relayUrl, withTicket(ticket))).status).toBe(403)
    expect((await fetch(one.relayUrl, withTicket(ticket))).status).toBe(200)
  })

  it('gives the second of two that come at once with one ticket nothing of the first', async () => {
    const { module, runs } = counting()
    const test = await pluginHost([module])
    const { ticket } = await ticketOf(test)
    const answers = await Promise.all([1, 2, 3].map(() => fetch(test.relayUrl, withTicket(ticket))))
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409, 409])
    expect(runs()).toBe(1)
  })
})

describe('Kong’s repeats', () => {
  it('are not provoked: a provider that dies without an answer gets Kong one, and no cut connection', async () => {
    let calls = 0
    const module = phases('one', { access: () => void calls++, bodyFilter() {} })
    const origin = await provider(({ response }) => void response.destroy())
    const test = await pluginHost([{ ...module, HandoverReads: ['router.getService'] }])
    const service = { protocol: 'http', host: '127.0.0.1', port: origin.port }
    const { url } = await test.kong({ one: {} }, { client: { service } })
    expect((await fetch(url)).status).toBe(502)
    expect([calls, origin.requests.length, test.host.counters.repeated]).toEqual([1, 1, 0])
  })

  it('after a connection that died before the relay read it find the ticket live', async () => {
    const { module, runs } = counting()
    const test = await pluginHost([module])
    const { ticket } = await ticketOf(test)
    const port = await dyingFirst(Number(new URL(test.relayUrl).port))
    const first = await fetch(`http://127.0.0.1:${port}`, withTicket(ticket)).catch(() => 'died')
    expect(first).toBe('died')
    expect((await fetch(`http://127.0.0.1:${port}`, withTicket(ticket))).status).toBe(200)
    expect(runs()).toBe(1)
  })

  it('over a Kong that repeats by itself give one answer', async () => {
    const { module, runs } = counting()
    const relayPort = await freePort()
    const front = await dyingFirst(relayPort)
    const test = await pluginHost([module], {
      listen: { host: '127.0.0.1', port: relayPort },
      advertise: { host: '127.0.0.1', port: front },
    })
    const { url } = await test.kong({ one: {} })
    expect((await fetch(url)).status).toBe(200)
    expect([runs(), test.host.counters.handedOver, test.host.counters.repeated]).toEqual([1, 1, 0])
  })
})

describe('the ticket', () => {
  it('goes neither to the provider nor to the client, nor into the log record', async () => {
    const origin = await answering(200, { ...JSON_TYPE, 'x-request-id': 'r-1' }, COMPLETION)
    const test = await pluginHost([aiProxy])
    const { url, run } = await test.kong({ 'ai-proxy': aiConfig(origin.url) })
    const answer = await post({ url }, { messages })
    expect(await answer.text()).toBe(COMPLETION)
    const { request } = await run()
    const [ticket] = request.upstream.headers['x-relay-ticket']!
    const entry = await test.entry(0)
    expect(entry).toMatchObject({ request: { headers: { 'x-relay-ticket': 'REDACTED' } } })
    for (const text of [origin.requests[0]!.rawHeaders, [...answer.headers], entry, test.log]) {
      expect(JSON.stringify(text)).not.toContain(ticket)
    }
    expect(JSON.stringify(origin.requests[0]!.rawHeaders)).not.toMatch(/x-relay-ticket/i)
  })

  it('is not among the headers that a plugin sees or sends on to a Service', async () => {
    const origin = await answering(200, JSON_TYPE, '{}')
    let seen: string[] = []
    const module = phases('one', {
      async access(kong) {
        seen = Object.keys(await kong.request.getHeaders())
      },
      bodyFilter() {},
    })
    const test = await pluginHost([{ ...module, HandoverReads: ['router.getService'] }])
    const service = { protocol: 'http', host: '127.0.0.1', port: origin.port }
    const { url } = await test.kong({ one: {} }, { client: { service } })
    await fetch(url)
    expect(seen).not.toContain('x-relay-ticket')
    expect(origin.requests[0]!.headers).not.toHaveProperty('x-relay-ticket')
  })
})

/** A port that cuts its first connection and passes the others on. */
async function dyingFirst(target: number): Promise<number> {
  let connections = 0
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    if (connections++ === 0) {
      socket.once('data', () => socket.destroy())
      return
    }
    const onward = connect(target, '127.0.0.1').on('error', () => socket.destroy())
    sockets.add(onward)
    socket.pipe(onward).pipe(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing({
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  })
  return (server.address() as { port: number }).port
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}
