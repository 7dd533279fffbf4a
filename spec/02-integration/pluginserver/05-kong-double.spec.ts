import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Kong } from '../../../lib/pdk/kong.js'
import { type FrontOptions, type KongFront, listenAsKong } from '../../support/kong-double-http.js'
import { hosted, testServer, until } from '../../support/plugin-server.js'

/** What stands in for the relay here. */
interface Relay {
  readonly requests: IncomingMessage[]
  readonly connections: () => number
  readonly port: number
}

async function relay(answer: (req: IncomingMessage, res: ServerResponse) => void): Promise<Relay> {
  const requests: IncomingMessage[] = []
  let connections = 0
  const server = createServer((req, res) => {
    requests.push(req)
    answer(req, res)
  })
  server.on('connection', () => connections++)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return { requests, connections: () => connections, port: (server.address() as AddressInfo).port }
}

/** A Kong with a plugin that hands requests to `port`. */
async function front(port: number, options?: FrontOptions): Promise<KongFront> {
  class Example {
    async access(kong: Kong) {
      await kong.service.setTarget('127.0.0.1', port)
      await kong.service.request.setHeader('x-relay-ticket', 'a-ticket')
    }
  }
  const { kong } = await testServer(hosted({ Plugin: Example }))
  const listening = await listenAsKong(kong({ phases: ['access'], routePath: '/relay' }), {
    prefix: '/relay',
    ...options,
  })
  onTestFinished(() => listening.close())
  return listening
}

interface Leg {
  leg: string
  from: string
  text?: string
}

/** The first request of a recording on each leg, as it was sent. */
function recorded(name: string): { client: string; toRelay: string } {
  const file = new URL(`../../fixtures/kong-relay/${name}.json`, import.meta.url)
  const { messages } = JSON.parse(readFileSync(file, 'utf8')) as { messages: Leg[] }
  const first = (from: string, leg: string) =>
    messages.find((entry) => entry.from === from && entry.leg === leg && entry.text)!.text!
  return { client: first('client', 'client-kong'), toRelay: first('kong', 'kong-relay') }
}

/** Header lines without those whose values no two runs have in common. */
function comparable(lines: [string, string][]): [string, string][] {
  const different = new Set(['x-forwarded-port', 'x-kong-request-id', 'x-relay-ticket'])
  return lines.map(([name, value]) => [name.toLowerCase(), different.has(name.toLowerCase()) ? '' : value])
}

function pairs(raw: string[]): [string, string][] {
  return Array.from({ length: raw.length / 2 }, (_, i) => [raw[2 * i]!, raw[2 * i + 1]!])
}

describe('the HTTP side of the Kong double', () => {
  for (const name of ['sse-get', 'post-json', 'keepalive', 'client-abort']) {
    it(`sends the request of ${name} on as Kong did`, async () => {
      const origin = await relay((_req, res) => res.end())
      const { url } = await front(origin.port)
      const { client, toRelay } = recorded(name)
      const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.write(client))
      await once(socket, 'data')
      socket.destroy()
      const [head = ''] = toRelay.split('\r\n\r\n')
      const [requestLine, ...lines] = head.split('\r\n')
      const [sent] = origin.requests
      expect(`${sent!.method} ${sent!.url} HTTP/${sent!.httpVersion}`).toBe(requestLine)
      const expected = lines.map((line) => line.split(': ') as [string, string])
      expect(comparable(pairs(sent!.rawHeaders))).toEqual(comparable(expected))
    })
  }

  it('keeps its connection to the relay from one request to the next', async () => {
    const origin = await relay((_req, res) => res.end('ok'))
    const { url } = await front(origin.port)
    for (let i = 0; i < 3; i++) expect(await (await fetch(`${url}/relay`)).text()).toBe('ok')
    expect(origin.connections()).toBe(1)
  })

  it('passes an answer on while it streams, without what the relay says to Kong', async () => {
    let more = (): void => {}
    const origin = await relay((_req, res) => {
      res.writeHead(200, {
        'content-type': 'text/event-stream',
        'x-accel-buffering': 'no',
        'x-relayed': 'yes',
      })
      res.write('data: 1\n\n')
      more = () => res.end('data: 2\n\n')
    })
    const { url } = await front(origin.port)
    const answer = await fetch(`${url}/relay`)
    expect(answer.headers.get('x-relayed')).toBe('yes')
    expect(answer.headers.get('x-accel-buffering')).toBeNull()
    const reader = answer.body!.getReader()
    expect(Buffer.from((await reader.read()).value).toString()).toBe('data: 1\n\n')
    more()
    expect(Buffer.from((await reader.read()).value).toString()).toBe('data: 2\n\n')
    expect((await reader.read()).done).toBe(true)
  })

  it('repeats a GET with the same ticket when the relay cuts it, and never a POST that went out', async () => {
    const origin = await relay((_req, res) => res.destroy())
    const { url } = await front(origin.port)
    expect((await fetch(`${url}/relay`)).status).toBe(502)
    expect(origin.requests.map(({ headers }) => headers['x-relay-ticket'])).toEqual(Array(6).fill('a-ticket'))
    expect((await fetch(`${url}/relay`, { method: 'POST', body: '{}' })).status).toBe(502)
    expect(origin.requests).toHaveLength(7)
  })

  it('answers 502 when nobody listens there', async () => {
    const { url } = await front(1, { retries: 0 })
    const answer = await fetch(`${url}/relay`, { method: 'POST', body: '{}' })
    expect([answer.status, await answer.json()]).toMatchObject([
      502,
      { message: 'An invalid response was received from the upstream server' },
    ])
  })

  it('lets the relay go when the client goes away, before and after the headers', async () => {
    for (const answers of [false, true]) {
      let gone = false
      const origin = await relay((_req, res) => {
        if (answers) res.write('data: 1\n\n')
        res.on('close', () => (gone = true))
      })
      const { url, runs } = await front(origin.port)
      const client = new AbortController()
      const answer = fetch(`${url}/relay`, { signal: client.signal })
      if (answers) await answer
      else await until(() => origin.requests.length === 1)
      client.abort()
      await answer.catch(() => undefined)
      await until(() => gone && runs.length === 1)
      expect(origin.requests).toHaveLength(1)
    }
  })

  it('breaks the answer off for the client when the relay cuts it', async () => {
    const origin = await relay((_req, res) => {
      res.write('data: 1\n\n')
      setImmediate(() => res.destroy())
    })
    const { url } = await front(origin.port)
    const answer = await fetch(`${url}/relay`)
    await expect(answer.text()).rejects.toThrow('terminated')
  })

  it('hands bodies over whole', async () => {
    const origin = await relay((req, res) => void text(req).then((body) => res.end(String(body.length))))
    const { url } = await front(origin.port)
    const answer = await fetch(`${url}/relay`, { method: 'POST', body: 'x'.repeat(3_000_000) })
    expect(await answer.text()).toBe('3000000')
  })
})
