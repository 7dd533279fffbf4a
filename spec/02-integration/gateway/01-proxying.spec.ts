import http from 'node:http'
import net from 'node:net'
import { text } from 'node:stream/consumers'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import { testGateway, type TestGateway } from '../../support/gateway.js'
import { origin, type Origin } from '../../support/origin.js'
import { rawClient } from '../../support/raw-http.js'

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close()
})

async function proxying(upstream: Origin, route = '{ paths: [/a] }', service = ''): Promise<TestGateway> {
  open.push(upstream)
  const gateway = await testGateway(`
_format_version: "3.0"
services:
- name: s
  url: ${upstream.url}/base
  ${service}
  routes:
  - ${route}
`)
  open.push(gateway)
  return gateway
}

interface Echo {
  method: string
  url: string
  headers: Record<string, string>
  body: string
}

describe('a plain route', () => {
  it('proxies method, path, query and body, and answers with what the upstream said', async () => {
    const { url } = await proxying(await origin())
    const response = await fetch(`${url}/a/b?x=1&y`, { method: 'PUT', body: 'hello' })
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({ method: 'PUT', url: '/base/b?x=1&y', body: 'hello' })
  })

  it("sends Kong's forwarding headers, and none of the hop-by-hop ones", async () => {
    const { url } = await proxying(await origin())
    const { headers } = (await (
      await raw(url, {
        path: '/a/b',
        headers: {
          host: 'api.example.com',
          connection: 'x-hop, close',
          'x-hop': '1',
          te: 'trailers',
          'x-forwarded-for': '10.0.0.1',
          'x-forwarded-proto': 'https',
        },
      })
    ).json()) as Echo
    const port = new URL(url).port
    expect(headers).toMatchObject({
      'x-forwarded-for': '10.0.0.1, 127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': 'api.example.com',
      'x-forwarded-port': port,
      'x-forwarded-path': '/a/b',
      'x-forwarded-prefix': '/a',
      'x-real-ip': '127.0.0.1',
      via: '1.1 kong-ai',
    })
    expect(headers['x-kong-request-id']).toMatch(/^[0-9a-f]{32}$/)
    for (const name of ['x-hop', 'te']) expect(headers).not.toHaveProperty(name)
  })

  it('names the upstream as host, or the client one under preserve_host', async () => {
    const upstream = await origin()
    const { url } = await proxying(upstream)
    const named = (await (await fetch(`${url}/a`)).json()) as Echo
    expect(named.headers.host).toBe(`127.0.0.1:${upstream.port}`)
    const kept = await proxying(upstream, '{ paths: [/a], preserve_host: true }')
    const answer = (await (await raw(kept.url, { path: '/a', headers: { host: 'me.test' } })).json()) as Echo
    expect(answer.headers.host).toBe('me.test')
  })

  it("tells latencies, request id and via, and drops the upstream's hop-by-hop headers", async () => {
    const upstream = await origin((_, response) => {
      response.writeHead(201, {
        connection: 'x-own',
        'x-own': '1',
        'keep-alive': 'timeout=9',
        'x-kept': 'yes',
      })
      response.end('ok')
    })
    const { url } = await proxying(upstream)
    const response = await fetch(`${url}/a`)
    expect(response.status).toBe(201)
    expect(response.headers.get('x-kept')).toBe('yes')
    expect(response.headers.has('x-own')).toBe(false)
    expect(response.headers.get('via')).toBe('1.1 kong-ai')
    expect(response.headers.get('x-kong-request-id')).toBe(upstream.requests[0]!.headers['x-kong-request-id'])
    for (const name of ['x-kong-upstream-latency', 'x-kong-proxy-latency']) {
      expect(response.headers.get(name)).toMatch(/^\d+$/)
    }
  })

  it('keeps a compressed body as it is where no filter reads it', async () => {
    const packed = gzipSync('compressed by the upstream')
    const upstream = await origin((_, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': packed.length })
      response.end(packed)
    })
    const { url } = await proxying(upstream)
    const response = await raw(url, { path: '/a' })
    expect(response.headers['content-length']).toBe(String(packed.length))
    expect(gunzipSync(response.bytes).toString()).toBe('compressed by the upstream')
  })

  it('streams the request on while the client is still sending it', async () => {
    const seen: string[] = []
    const server = http.createServer((message, response) => {
      message.on('data', (piece: Buffer) => {
        seen.push(piece.toString())
        // The client sends its second piece only when the first has arrived here.
        if (seen.length === 1) response.writeHead(200).write('first')
      })
      message.on('end', () => response.end('second'))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    open.push({ close: async () => void server.close() })
    const { port } = server.address() as net.AddressInfo
    const gateway = await testGateway(
      `{ _format_version: "3.0", services: [{ name: s, url: "http://127.0.0.1:${port}", routes: [{ paths: [/] }] }] }`,
    )
    open.push(gateway)
    const request = http.request(`${gateway.url}/`, { method: 'POST' })
    request.write('one')
    const answer = await new Promise<http.IncomingMessage>((resolve) => request.on('response', resolve))
    request.end('two')
    expect(await text(answer)).toBe('firstsecond')
    expect(seen.join('')).toBe('onetwo')
  })

  it('answers a HEAD with the headers and no body', async () => {
    const upstream = await origin((_, response) => response.writeHead(200, { 'content-length': 5 }).end())
    const { url } = await proxying(upstream)
    const response = await fetch(`${url}/a`, { method: 'HEAD' })
    expect(response.headers.get('content-length')).toBe('5')
    expect(await response.text()).toBe('')
  })
})

describe("Kong's own answers", () => {
  it('404 where no route matches', async () => {
    const { url } = await proxying(await origin())
    const response = await fetch(`${url}/elsewhere`)
    expect(response.status).toBe(404)
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8')
    const id = response.headers.get('x-kong-request-id')
    expect(await response.json()).toEqual({ message: 'no Route matched with those values', request_id: id })
    expect(response.headers.get('x-kong-response-latency')).toMatch(/^\d+$/)
  })

  it.each([
    [
      '502 where the connection is refused',
      'http://127.0.0.1:1',
      502,
      'An invalid response was received from the upstream server',
    ],
    ['503 where the name does not resolve', 'http://no-such-host.invalid', 503, 'name resolution failed'],
  ])('%s', async (_, service, status, message) => {
    const gateway = await testGateway(
      `{ _format_version: "3.0", services: [{ name: s, url: "${service}", retries: 1, routes: [{ paths: [/] }] }] }`,
    )
    open.push(gateway)
    const response = await fetch(`${gateway.url}/x`)
    expect(response.status).toBe(status)
    expect(await response.json()).toMatchObject({ message })
  })

  it('504 where the upstream does not answer in time', async () => {
    const upstream = await origin(() => {})
    const { url } = await proxying(upstream, '{ paths: [/a] }', 'read_timeout: 1000')
    const response = await fetch(`${url}/a`)
    expect(response.status).toBe(504)
    expect(await response.json()).toMatchObject({ message: 'The upstream server is timing out' })
  })

  it('502 where the upstream hangs up before it answers', async () => {
    const upstream = await origin((_, response) => response.destroy())
    const { url } = await proxying(upstream)
    expect((await fetch(`${url}/a`, { method: 'POST', body: 'x' })).status).toBe(502)
  })

  it('426 or a redirect where the route is for https alone', async () => {
    const upstream = await origin()
    const plain = await proxying(upstream, '{ paths: [/a], protocols: [https] }')
    const refused = await fetch(`${plain.url}/a`)
    expect(refused.status).toBe(426)
    expect(await refused.json()).toMatchObject({ message: 'Please use HTTPS protocol' })
    const moved = await proxying(
      upstream,
      '{ paths: [/a], protocols: [https], https_redirect_status_code: 301 }',
    )
    const response = await fetch(`${moved.url}/a?x=1`, { redirect: 'manual' })
    expect(response.status).toBe(301)
    expect(response.headers.get('location')).toMatch(/^https:\/\/127\.0\.0\.1.*\/a\?x=1$/)
  })

  it('400 where the path cannot be meant', async () => {
    const { url } = await proxying(await origin())
    expect((await raw(url, { path: '/a/%zz' })).status).toBe(400)
    expect((await raw(url, { path: '/../../etc/passwd' })).status).toBe(400)
  })
})

describe('an answer that comes before the request has been read', () => {
  const HEAD = 'HTTP/1.1\r\nhost: a\r\n'

  it.each([
    ['it has no body', `GET /elsewhere ${HEAD}\r\n`],
    ['its body is there', `POST /elsewhere ${HEAD}content-length: 2\r\n\r\n{}`],
    ['its body is small', `POST /elsewhere ${HEAD}content-length: 6\r\n\r\nabc`, 'def'],
  ])('keeps the connection where %s', async (_, request, rest = '') => {
    const client = await rawClient((await proxying(await origin())).url)
    client.write(request)
    await client.seen(/404 Not Found.*request_id/s)
    expect(client.text).not.toMatch(/^connection: close/im)
    client.write(`${rest}GET /a/b ${HEAD}\r\n`)
    await client.seen(/200 OK.*"url":"\/base\/b"/s)
  })

  it.each([
    ['is large', `content-length: ${1024 * 1024}\r\n\r\nabc`],
    ['says no length', 'transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n'],
  ])('closes it where the body %s', async (_, rest) => {
    const client = await rawClient((await proxying(await origin())).url)
    client.write(`POST /elsewhere ${HEAD}${rest}`)
    expect(await client.rest()).toMatch(/^connection: close/im)
  })
})

describe('broken connections', () => {
  it('breaks the answer off where the upstream did, so that nobody takes it for whole', async () => {
    const upstream = await origin((_, response) => {
      response.writeHead(200, { 'content-length': 100 })
      response.write('only a part', () => response.destroy())
    })
    const { url } = await proxying(upstream)
    const response = await fetch(`${url}/a`)
    await expect(response.text()).rejects.toThrow()
  })

  it('closes the upstream connection when the client goes away', async () => {
    let closed!: () => void
    const gone = new Promise<void>((resolve) => (closed = resolve))
    const upstream = await origin((_, response) => {
      response.on('close', closed)
      response.writeHead(200).write('the beginning')
    })
    const { url } = await proxying(upstream)
    const abort = new AbortController()
    const response = await fetch(`${url}/a`, { signal: abort.signal })
    await response.body!.getReader().read()
    abort.abort()
    await gone
  })

  it('lets go of an upload when the client goes away in the middle of it', async () => {
    let aborted!: () => void
    const gone = new Promise<void>((resolve) => (aborted = resolve))
    let reached!: () => void
    const arrived = new Promise<void>((resolve) => (reached = resolve))
    const server = http.createServer((message) => {
      message
        .on('data', reached)
        .on('aborted', aborted)
        .on('error', () => {})
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    open.push({ close: async () => void server.close() })
    const gateway = await testGateway(
      `{ _format_version: "3.0", services: [{ name: s, url: "http://127.0.0.1:${(server.address() as net.AddressInfo).port}", routes: [{ paths: [/] }] }] }`,
    )
    open.push(gateway)
    const socket = net.connect(Number(new URL(gateway.url).port), '127.0.0.1')
    socket.write('POST /a HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf')
    await arrived
    socket.destroy()
    await gone
  })
})

describe('GET /status', () => {
  it('answers 200 once requests are served', async () => {
    const { url, statusUrl } = await proxying(await origin())
    await fetch(`${url}/a`)
    const response = await fetch(`${statusUrl}/status`)
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({ server: { total_requests: 1 } })
    expect((await fetch(`${statusUrl}/other`)).status).toBe(404)
    expect((await fetch(`${statusUrl}/status`, { method: 'POST' })).status).toBe(405)
  })
})

interface RawAnswer {
  status: number
  headers: http.IncomingHttpHeaders
  bytes: Buffer
  json(): Promise<unknown>
}

/** A request with headers and a path that `fetch` would not send. */
function raw(url: string, options: http.RequestOptions): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url)
    const request = http.request({ hostname, port, ...options }, (response) => {
      const pieces: Buffer[] = []
      response.on('data', (piece: Buffer) => pieces.push(piece))
      response.on('end', () => {
        const bytes = Buffer.concat(pieces)
        const json = async () => JSON.parse(bytes.toString()) as unknown
        resolve({ status: response.statusCode!, headers: response.headers, bytes, json })
      })
    })
    request.on('error', reject).end()
  })
}
