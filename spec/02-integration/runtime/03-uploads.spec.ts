import http, { type IncomingMessage } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { PassThrough, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { letGo, own } from '../../../lib/pdk/held-bytes.js'
import { closing } from '../../support/closing.js'
import { gate, origin } from '../../support/origin.js'
import { rawUpstream } from '../../support/raw-http.js'
import { call, requestTo, upstreams } from '../../support/upstream.js'

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'
const post = (url: string, headers: Record<string, string> = {}) =>
  requestTo(url, { method: 'POST', headers })

interface Echo {
  body: string
  headers: Record<string, string>
}

async function echoed(url: string, headers: Record<string, string>, body: Buffer | string | Readable | null) {
  const { body: answer, failure } = await call(upstreams(), post(url, headers), body).over
  expect(failure).toBeUndefined()
  return JSON.parse(Buffer.from(answer, 'latin1').toString()) as Echo
}

/** A server that hands over each request with its connection and answers when it is told to. */
async function listening(
  onRequest: (message: IncomingMessage, socket: Socket) => void,
  onConnection?: (socket: Socket) => void,
): Promise<string> {
  const server = http.createServer((message) => {
    message.on('error', () => {})
    onRequest(message, message.socket)
  })
  if (onConnection) server.on('connection', onConnection)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing({
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe('a body that is there', () => {
  it.each([
    ['text', 'hello'],
    ['text beyond ASCII', 'hé你😀'],
    ['bytes', Buffer.from('hello')],
    ['much text', 'x'.repeat(1_000_000)],
    ['many bytes', Buffer.alloc(1_000_000, 'x')],
  ])('arrives as it was: %s', async (_, body) => {
    const { url } = await origin().then(closing)
    const { body: arrived, headers } = await echoed(url, {}, body)
    expect(arrived).toBe(String(body))
    expect(headers['content-length']).toBe(String(Buffer.byteLength(body)))
  })

  it('arrives as it was whether it is copied to its head or not', async () => {
    const server = await rawUpstream((socket) => void socket.end(OK))
    const every = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
    for (const length of [256, 16_000, 16_128, 16_256, 16_384]) {
      const body = Buffer.alloc(length, every)
      await call(upstreams(), post(server.url), body).over
      const [head, sent] = server.requests.pop()!.split(/\r\n\r\n(.*)/s)
      expect(head).toContain(`content-length: ${length}`)
      expect(Buffer.from(sent!, 'latin1')).toEqual(body)
    }
  })

  it.each([
    ['text', '{"a":1}'],
    ['text beyond ASCII', '{"a":"é"}'],
    ['bytes', Buffer.from('{"a":1}')],
  ])('goes out in one piece with its head: %s', async (_, body) => {
    const server = await rawUpstream((socket) => void socket.end(OK))
    await call(upstreams(), post(server.url), body).over
    expect(
      Buffer.from(server.requests[0]!, 'latin1')
        .toString()
        .endsWith(`\r\n\r\n${String(body)}`),
    ).toBe(true)
  })
})

describe('a body that is held', () => {
  const SIZE = 16 * 1024 * 1024

  it('stays until it is written, and is free then', async () => {
    const { promise: begun, open } = gate<IncomingMessage>()
    const url = await listening(open)
    const body = Buffer.allocUnsafeSlow(SIZE).fill('x')
    own(body)
    const { over } = call(upstreams(), post(url), body)
    const message = await begun
    letGo(body)
    expect(body.length).toBe(SIZE)
    expect(await text(message)).toBe('x'.repeat(SIZE))
    await expect.poll(() => body.length).toBe(0)
    message.socket.write(OK)
    expect((await over).failure).toBeUndefined()
  })

  it('is free where its connection is closed before it is written', async () => {
    const { promise: begun, open } = gate()
    const url = await listening(() => open())
    const body = Buffer.allocUnsafeSlow(SIZE).fill('x')
    own(body)
    const { leg } = call(upstreams(), post(url), body)
    await begun
    letGo(body)
    expect(body.length).toBe(SIZE)
    leg!.abort()
    await expect.poll(() => body.length).toBe(0)
  })

  it('is free where it cannot be written: its kept connection is reset just before', async () => {
    const url = await listening((message, socket) => {
      socket.write(OK)
      setImmediate(() => left.open(socket))
    })
    const left = gate<Socket>()
    const through = upstreams()
    await call(through, requestTo(url)).over
    const socket = await left.promise
    const body = Buffer.allocUnsafeSlow(SIZE).fill('x')
    own(body)
    setImmediate(() => socket.resetAndDestroy())
    const { failure } = await call(through, post(url), body).over
    expect(failure).toMatchObject({ kind: 'closed' })
    letGo(body)
    await expect.poll(() => body.length).toBe(0)
  })
})

describe('a streamed body', () => {
  it.each([
    ['has come whole', 'hello', ''],
    ['has come in part', 'hel', 'lo'],
    ['has yet to come', '', 'hello'],
  ])("is a client's and %s: it arrives as it was", async (_, soon, later) => {
    const server = await rawUpstream((socket, request) => {
      const sent = request.endsWith('hello') ? Promise.resolve() : once(socket, 'data')
      void sent.then(() => socket.end(OK))
    })
    const { promise: ended, open } = gate()
    const url = await listening((message) => {
      message.once('end', () => open())
      const forward = async () => {
        await new Promise((resolve) => setTimeout(resolve, 20))
        const one = call(upstreams(), post(server.url, { 'content-length': '5' }), message)
        client.end(later)
        expect((await one.over).body).toBe('ok')
        message.socket.end('HTTP/1.1 204 No Content\r\n\r\n')
      }
      void forward()
    })
    const client = http.request(url, { method: 'POST', headers: { 'content-length': '5' } })
    if (soon === 'hello') client.end(soon)
    else client.write(soon)
    client.flushHeaders()
    await once(client, 'response')
    await ended
    expect(server.requests[0]).toContain(`content-length: 5\r\n\r\n${soon}`)
  })

  it('is nothing where a client says a length of several zeros', async () => {
    const server = await rawUpstream((socket) => void socket.end(OK))
    const url = await listening((message) => {
      const { over } = call(upstreams(), post(server.url, { 'content-length': '00' }), message)
      void over.then(({ body }) => message.socket.end(`HTTP/1.1 200 OK\r\n\r\n${body}`))
    })
    const client = http.request(url, { method: 'POST', headers: { 'content-length': '00' } }).end()
    const [answer] = (await once(client, 'response')) as [IncomingMessage]
    expect(await text(answer)).toBe('ok')
    expect(server.requests[0]).toMatch(/content-length: 0\r\n\r\n$/)
  })

  it('goes out in one piece with its head as far as it has come', async () => {
    const server = await rawUpstream((socket) => void socket.end(OK))
    await call(upstreams(), post(server.url), Readable.from([Buffer.from('hello')])).over
    expect(server.requests[0]).toMatch(/\r\n\r\n5\r\nhello\r\n/)
  })

  it('goes on in chunks, or in the length that the client said', async () => {
    const { url } = await origin().then(closing)
    const pieces = () =>
      Readable.from(['hel', Buffer.alloc(0), 'lo', 'x'.repeat(100_000)].map((one) => Buffer.from(one)))
    const whole = `hello${'x'.repeat(100_000)}`
    const chunked = await echoed(url, {}, pieces())
    expect(chunked.body).toBe(whole)
    expect(chunked.headers).toMatchObject({ 'transfer-encoding': 'chunked' })
    const known = await echoed(url, { 'content-length': String(whole.length) }, pieces())
    expect(known.body).toBe(whole)
    expect(known.headers).not.toHaveProperty('transfer-encoding')
  })

  it('leaves a connection that takes the next request', async () => {
    const sockets = new Set<Socket>()
    const url = await listening((message, socket) => {
      sockets.add(socket)
      message.resume().on('end', () => socket.write(OK))
    })
    const through = upstreams()
    for (const length of [{}, { 'content-length': '1' }, {}]) {
      expect((await call(through, post(url, length), Readable.from([Buffer.from('x')])).over).body).toBe('ok')
    }
    expect(sockets.size).toBe(1)
  })

  it.each([
    ['longer', '4'],
    ['shorter', '6'],
  ])('that is %s than its length is a failure, and its connection is closed', async (word, length) => {
    const later = async function* () {
      await new Promise((resolve) => setTimeout(resolve, 20))
      yield Buffer.from('hello')
    }
    for (const body of [Readable.from([Buffer.from('hello')]), Readable.from(later())]) {
      const { promise: gone, open } = gate()
      const url = await listening(
        () => {},
        (socket) => void socket.once('close', () => open()),
      )
      const { failure } = await call(upstreams(), post(url, { 'content-length': length }), body).over
      expect(failure).toEqual({
        kind: 'closed',
        message: `the request body is ${word} than its content-length`,
      })
      await gone
    }
  })

  it('that breaks off is a failure, and the server never takes it for whole', async () => {
    const { promise: gone, open } = gate<boolean>()
    const url = await listening((message) => void message.on('close', () => open(message.complete)).resume())
    const body = new PassThrough()
    body.write('the beginning')
    const one = call(upstreams(), post(url), body)
    body.destroy()
    expect((await one.over).failure).toMatchObject({ kind: 'closed' })
    const other = new PassThrough()
    other.write('the beginning')
    const two = call(upstreams(), post(url), other)
    await new Promise((resolve) => setTimeout(resolve, 30))
    other.destroy(new Error('gone'))
    expect((await two.over).failure).toMatchObject({ kind: 'closed' })
    expect(await gone).toBe(false)
  })

  it('is no longer sent where the answer did not wait for it, and the connection not kept', async () => {
    let connections = 0
    const server = await rawUpstream((socket) => {
      connections++
      socket.write('HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno')
    })
    const through = upstreams()
    const body = new PassThrough()
    body.write('the beginning')
    const { status, body: answer } = await call(through, post(server.url), body).over
    expect({ status, answer }).toEqual({ status: 413, answer: 'no' })
    expect(body.destroyed).toBe(false)
    expect(body.isPaused()).toBe(true)
    await call(through, requestTo(server.url)).over
    expect(connections).toBe(2)
  })

  describe('whose server answers at once and', () => {
    const SIZED = 'HTTP/1.1 413 Too Large\r\nconnection: close\r\ncontent-length: 2\r\n\r\nno'
    const UNTIL_CLOSE = 'HTTP/1.1 413 Too Large\r\n\r\nno'
    const closes = (socket: Socket) => socket.destroy()
    const resets = (socket: Socket) => socket.resetAndDestroy()

    /** More is written between the answer's coming and its being read. */
    async function early(answer: string, leave: (socket: Socket) => void) {
      const body = new PassThrough()
      body.write('the beginning')
      const server = await rawUpstream((socket) => {
        socket.write(answer)
        leave(socket)
        for (let i = 0; i < 3; i++) body.write('more')
      })
      return call(upstreams(), post(server.url), body).over
    }

    it.each([
      ['closes the connection', SIZED, closes],
      ['closes it as the end of its answer', UNTIL_CLOSE, closes],
      ['resets it', SIZED, resets],
    ])('%s: the answer is read, though no more can be written', async (_, answer, leave) => {
      expect(await early(answer, leave)).toMatchObject({ status: 413, body: 'no', ended: true })
    })

    it('resets it where it would have been the end of the answer: what there is of it is read', async () => {
      const { status, body, failure } = await early(UNTIL_CLOSE, resets)
      expect({ status, body }).toEqual({ status: 413, body: 'no' })
      expect(failure).toMatchObject({ kind: 'closed' })
    })

    it.each([
      ['closes', closes],
      ['resets', resets],
    ])('%s it in the middle of the head: that is no answer', async (_, leave) => {
      const { status, failure } = await early(SIZED.slice(0, 20), leave)
      expect(status).toBeUndefined()
      expect(failure).toMatchObject({ kind: 'closed' })
    })
  })

  it('goes no faster than the server reads', async () => {
    const { promise: arrived, open } = gate<IncomingMessage>()
    const url = await listening((message) => open(message))
    const PIECES = 1000
    let given = 0
    const body = new Readable({
      highWaterMark: 1,
      read() {
        this.push(given++ < PIECES ? Buffer.alloc(65_536, 'x') : null)
      },
    })
    const one = call(upstreams(), post(url), body)
    const message = await arrived
    let before = -1
    while (before !== given) {
      before = given
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    // Sockets' own buffers take megabytes.
    expect(given).toBeLessThan(PIECES / 2)
    const whole = text(message)
    expect((await whole).length).toBe(PIECES * 65_536)
    message.socket.write(OK)
    expect((await one.over).body).toBe('ok')
  })

  it('whose client is slow is not held against the server', async () => {
    const url = await listening((message, socket) => message.resume().on('end', () => socket.write(OK)))
    const body = new PassThrough()
    const timeouts = { connect: 0, headers: 50, idle: 50 }
    const one = call(upstreams(), { ...post(url), timeouts }, body)
    for (let i = 0; i < 3; i++) {
      await new Promise((resolve) => setTimeout(resolve, 80))
      body.write('x')
    }
    expect(one.failure).toBeUndefined()
    body.end()
    expect((await one.over).body).toBe('ok')
  })
})
