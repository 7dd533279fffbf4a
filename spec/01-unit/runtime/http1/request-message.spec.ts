import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { isRepeatable, requestMessage } from '../../../../lib/runtime/http1/request-message.js'
import { requestTo } from '../../../support/upstream.js'

const request = (changes: Parameters<typeof requestTo>[1]) => requestTo('http://api.test:8080', changes)
const lines = (...all: string[]) => `${all.join('\r\n')}\r\n\r\n`
const HOST = 'host: api.test:8080'
const KEPT = 'connection: keep-alive'

describe('a request', () => {
  it('is one text with its headers in their order', () => {
    const headers = { accept: '*/*', 'x-many': ['a', 'b'], 'X-Case': 'kept\xe9\t' }
    const { head, body } = requestMessage(request({ path: '/v1', rawQuery: 'a=%20&b', headers }), null)
    expect(head).toBe(
      lines(
        'GET /v1?a=%20&b HTTP/1.1',
        HOST,
        KEPT,
        'accept: */*',
        'x-many: a',
        'x-many: b',
        'X-Case: kept\xe9\t',
      ),
    )
    expect(body).toBeUndefined()
  })

  it('has a body of ASCII text in the same text', () => {
    const { head, body } = requestMessage(request({ method: 'POST' }), '{"a":1}')
    expect(head).toBe(`${lines('POST / HTTP/1.1', HOST, KEPT, 'content-length: 7')}{"a":1}`)
    expect(body).toBeUndefined()
  })

  it('has any other text behind it, as UTF-8', () => {
    for (const text of ['é', '你好', '😀 and more', '\ud800']) {
      const { head, body } = requestMessage(request({ method: 'POST' }), text)
      expect(body).toEqual(Buffer.from(text))
      expect(head).toContain(`\r\ncontent-length: ${Buffer.from(text).length}\r\n`)
    }
  })

  it.each(['GET', 'HEAD', 'DELETE', 'OPTIONS'])('says no length of nothing: %s', (method) => {
    for (const nothing of [null, '', Buffer.alloc(0)]) {
      expect(requestMessage(request({ method }), nothing).head).not.toContain('content-length')
    }
  })

  it.each(['POST', 'PUT', 'PATCH'])('says a length even of nothing: %s', (method) => {
    for (const nothing of [null, '', Buffer.alloc(0)]) {
      expect(requestMessage(request({ method }), nothing).head).toContain('content-length: 0\r\n\r\n')
    }
  })

  it("sends a stream in the client's length, else in chunks", () => {
    const post = (headers: Record<string, string>) =>
      requestMessage(request({ method: 'POST', headers }), Readable.from(['x']))
    expect(post({ 'content-length': '12' })).toMatchObject({
      head: lines('POST / HTTP/1.1', HOST, KEPT, 'content-length: 12'),
      length: 12,
    })
    expect(post({})).toMatchObject({
      head: lines('POST / HTTP/1.1', HOST, KEPT, 'transfer-encoding: chunked'),
      length: undefined,
    })
  })

  it('sets what speaks of the connection and of the framing itself', () => {
    const headers = {
      connection: 'close',
      'content-length': '99',
      'transfer-encoding': 'chunked',
      'keep-alive': 'timeout=5',
      upgrade: 'h2c',
      expect: '100-continue',
      te: 'trailers',
      trailer: 'x',
      'proxy-connection': 'keep-alive',
      a: 'b',
    }
    expect(requestMessage(request({ method: 'POST', headers }), 'x').head).toBe(
      `${lines('POST / HTTP/1.1', HOST, KEPT, 'a: b', 'content-length: 1')}x`,
    )
  })

  it.each([
    ['http', 'a.test', 80, 'a.test'],
    ['http', 'a.test', 443, 'a.test:443'],
    ['https', 'a.test', 443, 'a.test'],
    ['https', '::1', 8443, '[::1]:8443'],
    ['http', '[::1]', 80, '[::1]'],
  ] as const)('names its host: %s %s %i', (scheme, host, port, named) => {
    expect(requestMessage(request({ scheme, host, port }), null).head).toContain(`\r\nhost: ${named}\r\n`)
  })

  it('names the host that it is told', () => {
    const { head } = requestMessage(request({ headers: { host: 'other.test' } }), null)
    expect(head.match(/host: .*/g)).toEqual(['host: other.test'])
  })

  it('closes the connection where a server might not know of the body, or send one', () => {
    for (const [method, body, persistent] of [
      ['GET', null, true],
      ['GET', 'x', false],
      ['HEAD', null, false],
      ['DELETE', 'x', true],
      ['POST', 'x', true],
    ] as const) {
      const message = requestMessage(request({ method }), body)
      expect(message.persistent).toBe(persistent)
      expect(message.head).toContain(`\r\nconnection: ${persistent ? 'keep-alive' : 'close'}\r\n`)
    }
  })

  it.each([
    ['a line end in a value', { headers: { a: 'b\r\nc: d' } }],
    ['a lone LF in a value', { headers: { a: 'b\nc' } }],
    ['a NUL in a value', { headers: { a: 'b\0c' } }],
    ['a DEL in a value', { headers: { a: '\x7f' } }],
    ['what a byte cannot hold', { headers: { a: '你' } }],
    ['a line end in one of two values', { headers: { a: ['b', 'c\r\nd'] } }],
    ['a line end in the host', { headers: { host: 'a\r\nb: c' } }],
    ['two hosts', { headers: { host: ['a', 'b'] } }],
    ['a line end in the host that it goes to', { host: 'a\r\nb' }],
    ['a blank in a name', { headers: { 'a b': 'c' } }],
    ['a colon in a name', { headers: { 'a:': 'c' } }],
    ['no name', { headers: { '': 'c' } }],
    ['a name beyond ASCII', { headers: { é: 'c' } }],
    ['a blank in the path', { path: '/a b' }],
    ['a line end in the path', { path: '/a\r\nb' }],
    ['a path beyond bytes', { path: '/你' }],
    ['no path', { path: '' }],
    ['a path without its slash', { path: 'a' }],
    ['a blank in the query', { rawQuery: 'a b' }],
    ['a blank in the method', { method: 'GET /' }],
    ['no method', { method: '' }],
    ['a tunnel', { method: 'CONNECT' }],
  ])('is refused: %s', (_, changes) => {
    expect(() => requestMessage(request(changes), null)).toThrow(
      expect.objectContaining({ name: 'MessageFault' }),
    )
  })

  it.each(['x', '-1', '1, 1', ['1', '1'], '9'.repeat(20)])(
    'is refused with a stream of length %j',
    (length) => {
      const changes = { method: 'POST', headers: { 'content-length': length } }
      expect(() => requestMessage(request(changes), Readable.from(['x']))).toThrow(
        'invalid content-length header',
      )
    },
  )

  it('is refused where its stream has been read already, or has gone', async () => {
    const used = Readable.from(['x', 'y'])
    await used.iterator({ destroyOnReturn: false }).next()
    const gone = Readable.from(['x']).destroy()
    for (const stream of [used, gone]) {
      expect(() => requestMessage(request({ method: 'POST' }), stream)).toThrow('has been read already')
    }
  })
})

describe('isRepeatable', () => {
  const repeatable = (changes: Parameters<typeof requestTo>[1], body: string | Readable | null) => {
    const one = request(changes)
    return isRepeatable(one, requestMessage(one, body))
  }

  it('goes by the method, and by the key that the client sent with it', () => {
    expect(repeatable({ method: 'GET' }, null)).toBe(true)
    expect(repeatable({ method: 'PUT' }, 'x')).toBe(true)
    expect(repeatable({ method: 'POST' }, 'x')).toBe(false)
    expect(repeatable({ method: 'PATCH' }, 'x')).toBe(false)
    expect(repeatable({ method: 'POST', headers: { 'idempotency-key': '7' } }, 'x')).toBe(true)
  })

  it('needs a body that is still there', () => {
    expect(repeatable({ method: 'PUT' }, Readable.from(['x']))).toBe(false)
  })
})
