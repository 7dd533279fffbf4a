import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import net, { type AddressInfo } from 'node:net'
import { PassThrough } from 'node:stream'
import tls, { type TLSSocket } from 'node:tls'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { closing } from '../../support/closing.js'
import { call, requestTo, upstreams } from '../../support/upstream.js'

const fixture = (name: string) => readFileSync(new URL(`../../fixtures/tls/${name}`, import.meta.url))
/** Of `localhost`, signed by nobody. */
const OWN = { key: fixture('key.pem'), cert: fixture('cert.pem') }

/** An https server that answers each request with this many bytes. */
async function server(size = 2, options: tls.TlsOptions = {}) {
  const sockets: TLSSocket[] = []
  const reused: boolean[] = []
  const listener = tls.createServer({ ...OWN, ALPNProtocols: ['h2', 'http/1.1'], ...options }, (socket) => {
    sockets.push(socket)
    reused.push(socket.isSessionReused())
    socket.on('error', () => {})
    socket.on('data', () => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${size}\r\n\r\n`)
      socket.write(Buffer.alloc(size, 'x'))
    })
  })
  listener.on('tlsClientError', () => {})
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  closing({
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => listener.close(resolve))
    },
  })
  return { port: (listener.address() as AddressInfo).port, sockets, reused }
}

const at = (port: number, changes: Parameters<typeof requestTo>[1] = {}) =>
  requestTo(`https://127.0.0.1:${port}`, { tlsVerify: false, ...changes })

describe('an https upstream', () => {
  it('is spoken to as HTTP/1.1 over a connection that is kept', async () => {
    const { port, sockets } = await server()
    const through = upstreams()
    for (let i = 0; i < 3; i++) expect((await call(through, at(port)).over).body).toBe('xx')
    expect(sockets).toHaveLength(1)
    expect(sockets[0]!.alpnProtocol).toBe('http/1.1')
  })

  it('gives large answers whole, to several at once', async () => {
    const { port } = await server(1_000_000)
    const through = upstreams()
    const calls = Array.from({ length: 4 }, () => call(through, at(port)).over)
    for (const { body } of await Promise.all(calls)) expect(body === 'x'.repeat(1_000_000)).toBe(true)
  })

  it('must have a valid certificate where that is asked for', async () => {
    const { port } = await server()
    const { failure } = await call(upstreams(), at(port, { tlsVerify: true })).over
    expect(failure).toMatchObject({ kind: 'tls' })
    expect(failure!.message).not.toBe('')
  })

  it('shares no connection between those who verify and those who do not', async () => {
    const { port, sockets } = await server()
    const through = upstreams()
    await call(through, at(port)).over
    expect((await call(through, at(port, { tlsVerify: true })).over).failure).toMatchObject({ kind: 'tls' })
    expect((await call(through, at(port)).over).body).toBe('xx')
    expect(sockets).toHaveLength(1)
  })

  it.each([
    ['its name', { host: 'localhost' }, 'localhost'],
    ['the name in Host, as Kong does', { headers: { host: 'api.test:8443' } }, 'api.test'],
    ['no name where it has only an address', {}, false],
    ['no name where Host has only an address', { headers: { host: '[::1]:8443' } }, false],
  ])('is told %s', async (_, changes, servername) => {
    const { port, sockets } = await server()
    expect((await call(upstreams(), at(port, changes)).over).failure).toBeUndefined()
    expect(sockets[0]!.servername).toBe(servername)
  })

  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'takes up its session in the next connection: %s',
    async (version) => {
      const { port, sockets, reused } = await server(2, { minVersion: version, maxVersion: version })
      const through = upstreams()
      await call(through, at(port)).over
      const [first] = sockets
      first!.destroy()
      await once(first!, 'close')
      await new Promise((resolve) => setTimeout(resolve, 30))
      await call(through, at(port)).over
      expect(reused).toEqual([false, true])
    },
  )

  it('paused before its connection is there shakes hands, sends its request, and reads nothing until it goes on', async () => {
    const { port, sockets } = await server()
    const one = call(upstreams(), at(port))
    one.leg!.pause()
    while (sockets.every(({ bytesRead }) => bytesRead === 0))
      await new Promise((resolve) => setTimeout(resolve, 10))
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(one.status).toBeUndefined()
    one.leg!.resume()
    expect((await one.over).body).toBe('xx')
  })

  it('that speaks no TLS is a failure of that kind', async () => {
    const plain = net.createServer(
      (socket) => void socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n'),
    )
    plain.listen(0, '127.0.0.1')
    await once(plain, 'listening')
    closing({ close: async () => void plain.close() })
    const { failure } = await call(upstreams(), at((plain.address() as AddressInfo).port)).over
    expect(failure).toMatchObject({ kind: 'tls' })
  })

  it('that spoils its TLS once it has the request may have done it: a failure that nobody repeats', async () => {
    const { port, sockets } = await server()
    // What stands between the two lets the handshake and the request through, and answers with noise.
    let spoils = false
    const between = net.createServer((client) => {
      const onward = net.connect(port, '127.0.0.1')
      for (const socket of [client, onward]) socket.on('error', () => {})
      client.pipe(onward)
      onward.on('data', (bytes) => client.write(spoils ? Buffer.alloc(100, 'noise') : bytes))
      client.on('close', () => onward.destroy())
    })
    between.listen(0, '127.0.0.1')
    await once(between, 'listening')
    closing({ close: async () => void between.close() })
    const through = upstreams()
    const request = at((between.address() as AddressInfo).port, { method: 'POST' })
    await call(through, request).over
    spoils = true
    expect((await call(through, request).over).failure).toMatchObject({ kind: 'closed' })
    expect(sockets).toHaveLength(1)
  })

  it.each([
    ['ends', (socket: net.Socket) => void socket.end()],
    ['breaks off', (socket: net.Socket) => void socket.resetAndDestroy()],
  ])(
    'whose connection %s while they shake hands is none that was found: nothing was sent',
    async (_, leave) => {
      const rude = net.createServer(
        (socket) => void socket.on('error', () => {}).once('data', () => leave(socket)),
      )
      rude.listen(0, '127.0.0.1')
      await once(rude, 'listening')
      closing({ close: async () => void rude.close() })
      const { failure } = await call(upstreams(), at((rude.address() as AddressInfo).port)).over
      expect(failure).toMatchObject({ kind: 'connect' })
    },
  )

  it('that answers before it has the whole request, and closes the connection: the answer is read', async () => {
    const body = new PassThrough()
    body.write('the beginning')
    const hasty = tls.createServer(OWN, (socket) => {
      socket
        .on('error', () => {})
        .once('data', () => {
          socket.write('HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno')
          socket.destroy()
          for (let i = 0; i < 3; i++) body.write('more')
        })
    })
    hasty.listen(0, '127.0.0.1')
    await once(hasty, 'listening')
    closing({ close: async () => void hasty.close() })
    const request = at((hasty.address() as AddressInfo).port, { method: 'POST' })
    expect(await call(upstreams(), request, body).over).toMatchObject({
      status: 413,
      body: 'no',
      ended: true,
    })
  })

  it('that never shakes hands is given up in time', async () => {
    const silent = net.createServer((socket) => void socket.on('error', () => {}))
    silent.listen(0, '127.0.0.1')
    await once(silent, 'listening')
    closing({ close: async () => void silent.close() })
    const timeouts = { connect: 30, headers: 0, idle: 0 }
    const { failure } = await call(upstreams(), at((silent.address() as AddressInfo).port, { timeouts })).over
    expect(failure).toEqual({ kind: 'timeout', message: 'Connect Timeout Error' })
  })
})

describe('a content coding', () => {
  it('is undone from bytes that later reads do not change', async () => {
    const plain = Array.from({ length: 20_000 }, (_, i) => `line ${i}\n`).join('')
    const bytes = gzipSync(plain)
    const listener = net.createServer((socket) => {
      socket
        .on('error', () => {})
        .on('data', () => {
          socket.write('HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n')
          for (let from = 0; from < bytes.length; from += 777) {
            const piece = bytes.subarray(from, from + 777)
            socket.write(`${piece.length.toString(16)}\r\n`)
            socket.write(piece)
            socket.write('\r\n')
          }
          socket.write('0\r\n\r\n')
        })
    })
    listener.listen(0, '127.0.0.1')
    await once(listener, 'listening')
    closing({ close: async () => void listener.close() })
    const url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`
    const through = upstreams()
    const calls = Array.from({ length: 3 }, () => call(through, requestTo(url), null, true).over)
    for (const { body, headers } of await Promise.all(calls)) {
      expect(body === plain).toBe(true)
      expect(headers).not.toHaveProperty('content-encoding')
    }
  })
})
