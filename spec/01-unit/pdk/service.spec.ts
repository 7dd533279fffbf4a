import { describe, expect, it } from 'vitest'
import type { UpstreamRequest } from '../../../lib/pdk/exchange.js'
import { headers, inFilter, inPhase } from './fake-exchange.js'

describe('kong.service', () => {
  it('sends the request elsewhere, under the name of the target', async () => {
    const { kong, x } = inPhase('access')
    await kong.service.setTarget('other.test', 8443)
    expect(x.upstream).toMatchObject({ host: 'other.test', port: 8443, headers: { host: 'other.test' } })
  })

  it('sets time-outs: connecting, and reading for the headers and the body alike', async () => {
    const { kong, x } = inPhase('access')
    await kong.service.setTimeouts(1000, 20_000, 30_000)
    expect(x.upstream.timeouts).toEqual({ connect: 1000, headers: 30_000, idle: 30_000 })
  })

  it('turns the check of certificates off and on', async () => {
    const { kong, x } = inPhase('access')
    expect(await kong.service.setTlsVerify(false)).toBe(true)
    expect(x.upstream.tlsVerify).toBe(false)
  })

  it('retries as often as asked, but only what never reached the upstream', async () => {
    const { kong, x } = inPhase('access')
    await kong.service.setRetries(2)
    expect(x.nextAttempt!({ kind: 'timeout', message: '' })).toBeNull()
    expect(x.nextAttempt!({ kind: 'connect', message: '' })).toBe(x.upstream)
    expect(x.nextAttempt!({ kind: 'tls', message: '' })).toBe(x.upstream)
    expect(x.nextAttempt!({ kind: 'connect', message: '' })).toBeNull()
  })

  const refusals: [string, (service: ReturnType<typeof inPhase>['kong']['service']) => Promise<unknown>][] = [
    ['host must be a string', (s) => s.setTarget(1 as never, 80)],
    ['port must be an integer', (s) => s.setTarget('a', '80' as never)],
    ['port must be an integer between 0 and 65535: given 99999999', (s) => s.setTarget('a', 99_999_999)],
    ['connect_timeout must be an integer between 1 and 2147483646: given 0', (s) => s.setTimeouts(0, 1, 1)],
    ['write_timeout must be an integer', (s) => s.setTimeouts(1, 1.5, 1)],
    ['read_timeout must be an integer', (s) => s.setTimeouts(1, 1, undefined as never)],
    ['retries must be an integer between 0 and 32767: given -1', (s) => s.setRetries(-1)],
    ['argument must be a boolean', (s) => s.setTlsVerify('on' as never)],
    ['next must be a function', (s) => s.setAttempts({} as never)],
  ]

  it.each(refusals)('refuses in the words of Kong: %s', async (text, call) => {
    await expect(call(inPhase('access').kong.service)).rejects.toThrow(text)
  })

  it('takes a whole upstream request of our own', async () => {
    const { kong, x } = inPhase('access')
    const request: UpstreamRequest = { ...x.upstream, headers: headers({ 'x-only': '1' }), body: 'mine' }
    await kong.service.setRequest(request)
    expect(x.upstream).toBe(request)
  })

  it('takes the source of further attempts', async () => {
    const { kong, x } = inPhase('access')
    const next = () => null
    await kong.service.setAttempts(next)
    expect(x.nextAttempt).toBe(next)
  })

  it('gives an attempt up in a filter, until the answer is committed', () => {
    const { kong, x } = inFilter('body_filter')
    kong.service.failAttempt({ kind: 'rejected', message: 'overloaded', status: 529 })
    expect(x.failures).toEqual([{ kind: 'rejected', message: 'overloaded', status: 529 }])
    x.response.committed = true
    expect(() => kong.service.failAttempt({ kind: 'rejected', message: '' })).toThrow(
      'headers have already been sent',
    )
  })
})

describe('kong.service.request', () => {
  it('sets scheme, method and path', async () => {
    const { kong, x } = inPhase('access')
    await kong.service.request.setScheme('https')
    await kong.service.request.setMethod('PATCH')
    await kong.service.request.setPath('/a%2Fb:c//../grün "x"?y')
    expect(x.upstream).toMatchObject({
      scheme: 'https',
      port: 80,
      method: 'PATCH',
      path: '/a%2Fb:c//../gr%C3%BCn%20%22x%22?y',
    })
  })

  it('sets the query from text, escaping blanks', async () => {
    const { kong, x } = inPhase('access')
    await kong.service.request.setRawQuery('q=1&r=%20&s=a b')
    expect(x.upstream.rawQuery).toBe('q=1&r=%20&s=a%20b')
  })

  it('sets the query from arguments, sorted and escaped', async () => {
    const { kong, x } = inPhase('access')
    await kong.service.request.setQuery({
      z: true,
      q: ['1', '2'],
      n: 5,
      off: false,
      t: 'a b&c',
      e: '',
      none: [],
    })
    expect(x.upstream.rawQuery).toBe('e=&n=5&q=1&q=2&t=a%20b%26c&z')
  })

  it('sets, adds and removes headers', async () => {
    const { kong, x } = inPhase('access')
    await kong.service.request.setHeader('X-One', '1')
    await kong.service.request.addHeader('x-one', ['2', '3'])
    await kong.service.request.setHeaders({ 'X-List': ['a', 'b'], Host: 'virtual.test' })
    await kong.service.request.setHeader('x-gone', 'soon')
    await kong.service.request.clearHeader('X-Gone')
    expect(x.upstream.headers).toEqual({
      host: 'virtual.test',
      'x-one': ['1', '2', '3'],
      'x-list': ['a', 'b'],
    })
  })

  it('sets the body as it is, and its length', async () => {
    const { kong, x } = inPhase('access')
    x.upstream.headers['transfer-encoding'] = 'chunked'
    await kong.service.request.setRawBody('grün')
    expect(x.upstream).toMatchObject({ body: 'grün', headers: { 'content-length': '5' } })
    expect(x.upstream.headers).not.toHaveProperty('transfer-encoding')
    await kong.service.request.setRawBody(new Uint8Array([1, 2]))
    expect(x.upstream.body).toEqual(Buffer.from([1, 2]))
  })

  it('asks for the whole answer before any of it goes on', async () => {
    const { kong, x } = inPhase('access')
    await kong.service.request.enableBuffering()
    expect(x.buffered).toBe(true)
  })

  const refusals: [
    string,
    (request: ReturnType<typeof inPhase>['kong']['service']['request']) => Promise<unknown>,
  ][] = [
    ['scheme must be a string', (r) => r.setScheme(1 as never)],
    ['invalid scheme: ftp', (r) => r.setScheme('ftp' as never)],
    ['path must be a string', (r) => r.setPath(undefined as never)],
    ['path must start with /', (r) => r.setPath('a')],
    ['query must be a string', (r) => r.setRawQuery({} as never)],
    ['args must be a table', (r) => r.setQuery('a=b' as never)],
    ['attempt to use table as query arg value', (r) => r.setQuery({ a: {} as never })],
    ['method must be a string', (r) => r.setMethod(1 as never)],
    ['invalid method: get', (r) => r.setMethod('get')],
    ['invalid header value for "a": got nil', (r) => r.setHeader('a', null as never)],
    ['header must be a string', (r) => r.clearHeader(1 as never)],
    ['headers must be a table', (r) => r.setHeaders(1 as never)],
    ['body must be a string', (r) => r.setRawBody({} as never)],
    ['args must be a table', (r) => r.setBody('a' as never)],
    ['mime must be a string', (r) => r.setBody({}, 5 as never)],
    ['unsupported content type text/plain', (r) => r.setBody({}, 'text/plain')],
  ]

  it.each(refusals)('refuses in the words of Kong: %s', async (text, call) => {
    await expect(call(inPhase('access').kong.service.request)).rejects.toThrow(text)
  })
})

describe('kong.service.request.setBody', () => {
  it("encodes by the request's own content type", async () => {
    const { kong, x } = inPhase('access')
    x.upstream.headers['content-type'] = 'application/json; charset=utf-8'
    expect(await kong.service.request.setBody({ a: 1, b: ['x'] })).toBe(true)
    expect(x.upstream).toMatchObject({
      body: '{"a":1,"b":["x"]}',
      headers: { 'content-type': 'application/json; charset=utf-8', 'content-length': '17' },
    })
  })

  it('does nothing where there is no type', async () => {
    const { kong, x } = inPhase('access')
    expect(await kong.service.request.setBody({ a: 1 })).toBeUndefined()
    expect(x.upstream.body).toBeUndefined()
  })

  it('encodes forms', async () => {
    const { kong, x } = inPhase('access')
    await kong.service.request.setBody({ b: 'x y', a: ['1', '2'] }, 'application/x-www-form-urlencoded')
    expect(x.upstream.body).toBe('a=1&a=2&b=x%20y')
  })

  it('encodes multipart forms, with the given boundary or one of its own', async () => {
    const { kong, x } = inPhase('access')
    await kong.service.request.setBody({ b: 2, a: 'x' }, 'multipart/form-data; boundary="cut"')
    expect(x.upstream.headers['content-type']).toBe('multipart/form-data; boundary=cut')
    expect(x.upstream.body).toBe(
      [
        '--cut\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n',
        '--cut\r\nContent-Disposition: form-data; name="b"\r\n\r\n2\r\n--cut--\r\n',
      ].join(''),
    )
    await kong.service.request.setBody({ a: 'x' }, 'multipart/form-data')
    const boundary = /boundary=(\w+)$/.exec(String(x.upstream.headers['content-type']))?.[1]
    expect(String(x.upstream.body)).toContain(`--${boundary}--\r\n`)
    await expect(kong.service.request.setBody({ a: {} }, 'multipart/form-data')).rejects.toThrow(
      'invalid value "a": got table, expected string, number or boolean',
    )
  })
})

describe('kong.service.response', () => {
  const serviceResponse = { status: 201, headers: headers({ 'content-type': 'application/json' }) }

  it("gives the upstream's status and headers", () => {
    const { kong } = inFilter('header_filter', { exchange: { serviceResponse } })
    expect(kong.service.response.getStatus()).toBe(201)
    expect(kong.service.response.getHeader('Content_Type')).toBe('application/json')
    expect(kong.service.response.findHeader(['x-absent', 'content-type'])).toBe('application/json')
    expect(kong.service.response.findHeader(['x-absent'])).toBeUndefined()
    expect(kong.service.response.getHeaders()).toEqual({ 'content-type': ['application/json'] })
  })

  it('gives nothing where no upstream answered', () => {
    const { kong } = inFilter('header_filter')
    expect(kong.service.response.getStatus()).toBeUndefined()
    expect(kong.service.response.getHeader('content-type')).toBeUndefined()
    expect(kong.service.response.getHeaders()).toEqual({})
  })

  it('gives the collected body, as bytes, text and parsed', async () => {
    const { kong } = inPhase('response', {
      exchange: { serviceResponse: { ...serviceResponse, body: Buffer.from('{"a":"ü"}') } },
    })
    const body = await kong.service.response.getRawBody()
    expect(Buffer.isBuffer(body)).toBe(true)
    expect(body.replace('ü', 'u')).toBe('{"a":"u"}')
    expect(await kong.service.response.getBody()).toEqual({ a: 'ü' })
  })

  it('says how to get a body that was not collected', () => {
    const { kong } = inFilter('body_filter', { exchange: { serviceResponse } })
    expect(() => kong.service.response.getRawBody()).toThrow('only available with buffered proxying')
  })
})
