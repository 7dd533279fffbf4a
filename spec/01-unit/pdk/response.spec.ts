import { describe, expect, it } from 'vitest'
import { PreparedHeaders } from '../../../lib/pdk/header-values.js'
import { headers, inFilter, inPhase } from './fake-exchange.js'

const JSON_TYPE = 'application/json; charset=utf-8'

describe("reading the client's answer", () => {
  it('gives status, headers and source', async () => {
    const { kong } = inPhase('response', {
      exchange: {
        response: {
          status: 201,
          headers: headers({ 'set-cookie': ['a=1', 'b=2'] }),
          committed: false,
          source: 'service',
        },
      },
    })
    expect(await kong.response.getStatus()).toBe(201)
    expect(await kong.response.getHeader('Set_Cookie')).toBe('a=1')
    expect(await kong.response.getHeader('x-absent')).toBeUndefined()
    expect(await kong.response.getHeaders()).toEqual({ 'set-cookie': ['a=1', 'b=2'] })
    expect(await kong.response.getHeaders(1)).toEqual({ 'set-cookie': ['a=1'] })
    expect(await kong.response.getSource()).toBe('service')
  })
})

describe('changing status and headers', () => {
  it('works in a header filter, dashes for underscores', () => {
    const { kong, x } = inFilter('header_filter')
    kong.response.setStatus(202)
    kong.response.setHeader('X_One', 1)
    kong.response.addHeader('x-one', 'two')
    kong.response.setHeaders({ 'X-List': ['a', 'b'], 'x-flag': true })
    expect(x.response.status).toBe(202)
    expect(x.response.headers).toEqual({ 'x-one': ['1', 'two'], 'x-list': ['a', 'b'], 'x-flag': 'true' })
    kong.response.clearHeader('X_One')
    kong.response.setHeader('x-list', [])
    expect(x.response.headers).toEqual({ 'x-flag': 'true' })
  })

  it('sets prepared headers as it sets others', () => {
    const values = { 'X-One': 'ü', x_two: 'a\nb' }
    const [one, other] = [inFilter('header_filter'), inFilter('header_filter')]
    one.kong.response.setHeaders(values)
    other.kong.response.setHeader('x-one', 'old')
    other.kong.response.setPreparedHeaders(new PreparedHeaders(values))
    expect(other.x.response.headers).toEqual(one.x.response.headers)
    expect(() => new PreparedHeaders({ a: {} as never })).toThrow('invalid header value')
  })

  it('works in a body filter until the answer is committed', () => {
    const { kong, x } = inFilter('body_filter')
    kong.response.setStatus(429)
    kong.response.setHeader('retry-after', '7')
    x.response.committed = true
    const sent = 'headers have already been sent'
    expect(() => kong.response.setStatus(200)).toThrow(sent)
    expect(() => kong.response.setHeader('a', 'b')).toThrow(sent)
    expect(() => kong.response.addHeader('a', 'b')).toThrow(sent)
    expect(() => kong.response.setHeaders({ a: 'b' })).toThrow(sent)
    expect(() => kong.response.setPreparedHeaders(new PreparedHeaders({ a: 'b' }))).toThrow(sent)
    expect(() => kong.response.clearHeader('retry-after')).toThrow(sent)
    expect(() => kong.response.exit(500)).toThrow(sent)
    expect(() => kong.response.error(500)).toThrow(sent)
    expect(x.response).toMatchObject({ status: 429, headers: { 'retry-after': '7' } })
    expect(x.exits).toEqual([])
  })

  it('escapes line breaks and writes text as UTF-8 bytes', () => {
    const { kong, x } = inFilter('header_filter')
    kong.response.setHeader('x-a', 'a\r\nset-cookie: b')
    kong.response.setHeader('x-text', 'grün €')
    expect(x.response.headers['x-a']).toBe('a%0D%0Aset-cookie: b')
    expect(Buffer.from(String(x.response.headers['x-text']), 'latin1').toString()).toBe('grün €')
    expect(kong.response.getHeader('x-text')).toBe('grün €')
  })

  it('ignores transfer-encoding with a warning', () => {
    const { kong, x, lines } = inFilter('header_filter')
    kong.response.setHeader('Transfer_Encoding', 'chunked')
    expect(x.response.headers).toEqual({})
    expect(lines).toEqual(['warn [probe] manually setting Transfer-Encoding. Ignored.'])
  })

  const refusals: [string, (response: ReturnType<typeof inFilter>['kong']['response']) => void][] = [
    ['code must be a number', (r) => r.setStatus('200' as never)],
    ['code must be a number between 100 and 599', (r) => r.setStatus(600)],
    ['invalid header name "5": got number, expected string', (r) => r.setHeader(5 as never, 'a')],
    [
      'invalid header value for "a": got nil, expected array of string, string, number or boolean',
      (r) => r.setHeader('a', undefined as never),
    ],
    ['invalid header value in array "a": got number, expected string', (r) => r.addHeader('a', [1 as never])],
    ['headers must be a table', (r) => r.setHeaders('a' as never)],
    [
      'invalid header value for "a": got table, expected string, number, boolean or array of strings',
      (r) => r.setHeaders({ a: {} as never }),
    ],
    ['header name must be a string', (r) => r.clearHeader(1 as never)],
  ]

  it.each(refusals)('refuses in the words of Kong: %s', (text, call) => {
    expect(() => call(inFilter('header_filter').kong.response)).toThrow(text)
  })
})

describe('kong.response.exit', () => {
  it('sends text and bytes as they are', async () => {
    const { kong, x } = inPhase('access')
    await kong.response.exit(418, 'tëa', { 'X-Pot': 'small' })
    expect(x.exits).toEqual([
      { status: 418, body: 'tëa', headers: { 'x-pot': 'small', 'content-length': '4' } },
    ])
    const bytes = inPhase('access')
    await bytes.kong.response.exit(200, Buffer.from([0, 255]))
    expect(bytes.x.exits[0]).toMatchObject({
      body: Buffer.from([0, 255]),
      headers: { 'content-length': '2' },
    })
  })

  it('sends an object as JSON, nulls and empty lists included', async () => {
    const { kong, x } = inPhase('access')
    await kong.response.exit(200, { a: null, b: [] })
    expect(x.exits[0]).toMatchObject({
      body: '{"a":null,"b":[]}',
      headers: { 'content-type': JSON_TYPE, 'content-length': '17' },
    })
  })

  it('keeps a content type that is given', async () => {
    const { kong, x } = inPhase('access')
    await kong.response.exit(400, {}, { 'Content-Type': 'application/problem+json' })
    expect(x.exits[0]!.headers).toMatchObject({ 'content-type': 'application/problem+json' })
  })

  it('sends an empty body for a status alone, with no length where there can be none', async () => {
    const { kong, x } = inPhase('access')
    await kong.response.exit(403)
    expect(x.exits).toEqual([{ status: 403, body: undefined, headers: { 'content-length': '0' } }])
    const none = inPhase('access')
    await none.kong.response.exit(204, null, null)
    expect(none.x.exits).toEqual([{ status: 204, body: undefined, headers: {} }])
  })

  it.each([
    ['code must be a number', ['200']],
    ['code must be a number between 100 and 599', [99]],
    ['body must be a nil, string or table', [200, 5]],
    ['headers must be a nil or table', [200, 'a', 'b']],
  ])('refuses in the words of Kong: %s', async (text, args) => {
    const { kong, x } = inPhase('access')
    await expect(Reflect.apply(kong.response.exit, kong.response, args)).rejects.toThrow(text)
    expect(x.exits).toEqual([])
  })

  it('ends the phase: what the plugin still changes is ignored, what it reads is not', async () => {
    const { kong, x } = inPhase('access')
    void kong.response.exit(403)
    await kong.response.exit(200, 'never mind')
    await kong.service.request.setMethod('PUT')
    await kong.ctx.shared.set('a', 1)
    expect(await kong.request.getMethod()).toBe('GET')
    expect(x.exits).toHaveLength(1)
    expect(x.upstream.method).toBe('GET')
    expect(x.shared.size).toBe(0)
  })

  it('ignores a straggler that goes on while the answer is already being filtered', async () => {
    const { kong, x } = inPhase('access')
    await kong.response.exit(403)
    x.phase = 'header_filter'
    await kong.response.setHeader('x-late', '1')
    expect(x.response.headers).toEqual({})
    x.phase = 'log'
    await kong.log.setSerializeValue('a', 1)
    expect(x.logValues.size).toBe(1)
  })

  it('in a header filter leaves the body filter its say', () => {
    const { kong, x } = inFilter('header_filter')
    kong.response.exit(502, 'no')
    kong.response.setHeader('x-ignored', '1')
    x.phase = 'body_filter'
    kong.response.setHeader('x-counts', '1')
    expect(x.response.headers).toEqual({ 'x-counts': '1' })
  })
})

describe('kong.response.error', () => {
  it("answers in Kong's shape, with its message for the status", async () => {
    const { kong, x } = inPhase('access')
    await kong.response.error(429, undefined, { 'retry-after': '7' })
    const body = '{\n  "message":"Too many requests",\n  "request_id":"0123456789abcdef0123456789abcdef"\n}'
    expect(x.exits).toEqual([
      {
        status: 429,
        body,
        headers: { 'retry-after': '7', 'content-type': JSON_TYPE, 'content-length': String(body.length) },
      },
    ])
  })

  it('takes a message of text or an object, and keeps it valid JSON', async () => {
    const text = inPhase('access')
    await text.kong.response.error(500, 'say "no"')
    expect(JSON.parse(String(text.x.exits[0]!.body))).toMatchObject({ message: 'say "no"' })
    const object = inPhase('access')
    await object.kong.response.error(500, { code: 7 })
    expect(JSON.parse(String(object.x.exits[0]!.body))).toMatchObject({ message: { code: 7 } })
  })

  it('knows what to say for any status', async () => {
    const { kong, x } = inPhase('access')
    await kong.response.error(599)
    expect(JSON.parse(String(x.exits[0]!.body))).toMatchObject({
      message: 'The upstream server responded with 599',
    })
  })

  it('refuses a status that is no error, and other messages', async () => {
    const { kong } = inPhase('access')
    await expect(kong.response.error(302)).rejects.toThrow('code must be a number between 400 and 599')
    await expect(kong.response.error(500, 5 as never)).rejects.toThrow(
      'message must be a nil, a string or a table',
    )
  })
})

describe('kong.response.flushAfter', () => {
  it('asks for a run of the body filters', () => {
    const { kong, x } = inFilter('body_filter')
    kong.response.flushAfter(50)
    expect(x.flushes).toEqual([50])
  })
})
