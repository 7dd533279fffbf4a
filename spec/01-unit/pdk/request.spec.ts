import { describe, expect, it } from 'vitest'
import { headers, inPhase } from './fake-exchange.js'

describe('kong.request', () => {
  it('gives the request as it came and as trusted proxies say it was sent', async () => {
    const { kong } = inPhase('access')
    const { request } = kong
    expect(await request.getScheme()).toBe('http')
    expect(await request.getHost()).toBe('api.test')
    expect(await request.getPort()).toBe(8000)
    expect(await request.getForwardedScheme()).toBe('https')
    expect(await request.getForwardedHost()).toBe('public.test')
    expect(await request.getForwardedPort()).toBe(443)
    expect(await request.getForwardedPath()).toBe('/v1/a b')
    expect(await request.getForwardedPrefix()).toBe('/v1')
    expect(await request.getHttpVersion()).toBe(1.1)
    expect(await request.getMethod()).toBe('GET')
    expect(await request.getPath()).toBe('/a b')
    expect(await request.getRawPath()).toBe('/a%20b')
    expect(await request.getPathWithQuery()).toBe('/a%20b?x=1&x=2&flag')
    expect(await request.getRawQuery()).toBe('x=1&x=2&flag')
    expect(await request.getStartTime()).toBe(1_795_351_953_161)
    expect(await request.getUriCaptures()).toEqual({ named: { version: '12' }, unnamed: ['/12', '12'] })
  })

  it('writes no question mark where there is no query', async () => {
    const { kong } = inPhase('access', { request: { rawQuery: '' } })
    expect(await kong.request.getPathWithQuery()).toBe('/a%20b')
    expect(await kong.request.getQuery()).toEqual({})
  })
})

describe('kong.request.getHeader', () => {
  const { kong } = inPhase('access', {
    request: {
      headers: headers({
        'x-multi': ['one', 'two'],
        'x-empty': '',
        under_score: 'yes',
        'x-text': Buffer.from('grün').toString('latin1'),
        'x-bytes': '\xff',
      }),
    },
  })

  it('gives the first value, in any case', async () => {
    expect(await kong.request.getHeader('X-Multi')).toBe('one')
  })

  it('takes underscores for dashes, unless a header has them itself', async () => {
    expect(await kong.request.getHeader('x_multi')).toBe('one')
    expect(await kong.request.getHeader('under_score')).toBe('yes')
  })

  it('tells an empty header from an absent one', async () => {
    expect(await kong.request.getHeader('x-empty')).toBe('')
    expect(await kong.request.getHeader('x-absent')).toBeUndefined()
    expect(await kong.request.getHeader('constructor')).toBeUndefined()
  })

  it('reads UTF-8 as text, and other bytes as they are', async () => {
    expect(await kong.request.getHeader('x-text')).toBe('grün')
    expect(await kong.request.getHeader('x-bytes')).toBe('\xff')
  })

  it('refuses a name that is no string', async () => {
    await expect(kong.request.getHeader(1 as never)).rejects.toThrow('header name must be a string')
  })

  it('gives all as lists, or the first lines', async () => {
    expect(await kong.request.getHeaders()).toMatchObject({ 'x-multi': ['one', 'two'], 'x-empty': [''] })
    expect(await kong.request.getHeaders(1)).toEqual({ 'x-multi': ['one'] })
  })

  it.each([
    [0, 'max_headers must be >= 1'],
    [1001, 'max_headers must be <= 1000'],
    ['2' as never, 'max_headers must be a number'],
  ])('refuses a limit of %o', async (max, text) => {
    await expect(kong.request.getHeaders(max)).rejects.toThrow(text)
  })
})

describe('kong.request.getQuery', () => {
  // Query and expectation as Kong 3.9 and kong-pdk exchanged them.
  const recorded = inPhase('access', { request: { rawQuery: 'a=1&a=2&b&c=%C3%BC' } }).kong

  it('gives lists, an empty one for an argument without a value', async () => {
    expect(await recorded.request.getQuery()).toEqual({ a: ['1', '2'], b: [], c: ['ü'] })
    expect(await recorded.request.getQuery(1)).toEqual({ a: ['1'] })
  })

  it('gives one argument: its first value, true without one, undefined if absent', async () => {
    expect(await recorded.request.getQueryArg('a')).toBe('1')
    expect(await recorded.request.getQueryArg('b')).toBe(true)
    expect(await recorded.request.getQueryArg('nope')).toBeUndefined()
    expect(await recorded.request.getQueryArg('__proto__')).toBeUndefined()
    await expect(recorded.request.getQueryArg(1 as never)).rejects.toThrow(
      'query argument name must be a string',
    )
  })

  it('takes plus signs for blanks and lets broken escapes stand', async () => {
    const { kong } = inPhase('access', { request: { rawQuery: 'q=a+b%20c&bad=100%&=nameless&eq=a=b' } })
    expect(await kong.request.getQuery()).toEqual({ q: ['a b c'], bad: ['100%'], eq: ['a=b'] })
  })
})

describe('kong.request.getRawBody', () => {
  const { kong } = inPhase('access', { body: 'grüße' })

  it('gives bytes', async () => {
    const body = await kong.request.getRawBody()
    expect(Buffer.isBuffer(body)).toBe(true)
    expect(body).toHaveLength(7)
  })

  it('answers string methods too', async () => {
    const body = await kong.request.getRawBody()
    expect(body!.replace(/(.)/g, (c) => c.toUpperCase())).toBe('GRÜSSE')
  })

  it('gives nothing for a body above the size, and no limit for 0', async () => {
    expect(await kong.request.getRawBody(6)).toBeUndefined()
    expect(await kong.request.getRawBody(7)).toHaveLength(7)
    expect(await kong.request.getRawBody(0)).toHaveLength(7)
    expect(await kong.request.getRawBody(-1)).toHaveLength(7)
  })
})

describe('kong.request.getBody', () => {
  const withType = (type: string, body: string) =>
    inPhase('access', { body, request: { headers: headers({ 'content-type': type }) } }).kong.request

  it('parses JSON objects and lists, and nothing else of JSON', async () => {
    expect(await withType('application/json; charset=utf-8', '{"e":[],"o":{},"n":null}').getBody()).toEqual({
      e: [],
      o: {},
      n: null,
    })
    expect(await withType('application/json', '[1]').getBody()).toEqual([1])
    expect(await withType('application/json', '1').getBody()).toBeUndefined()
    expect(await withType('application/json', '{').getBody()).toBeUndefined()
  })

  it('parses forms', async () => {
    const form = withType('application/x-www-form-urlencoded', 'a=1&a=2&b&c=x+y')
    expect(await form.getBody()).toEqual({ a: ['1', '2'], b: true, c: 'x y' })
    expect(await form.getBody(undefined, 1)).toEqual({ a: '1' })
  })

  it('parses multipart forms', async () => {
    const part = (name: string, value: string) =>
      `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`
    const file = '--b\r\nContent-Disposition: form-data; name="f"; filename="f.txt"\r\n\r\ncontent\r\n'
    const form = withType(
      'multipart/form-data; boundary=b',
      `${part('a', '1')}${part('a', '2')}${file}--b--\r\n`,
    )
    expect(await form.getBody()).toEqual({ a: ['1', '2'], f: 'content' })
    expect(await withType('multipart/form-data; boundary=b', 'no form').getBody()).toBeUndefined()
  })

  it('takes the type it is given before the one that was sent', async () => {
    expect(await withType('text/plain', '{"a":1}').getBody('application/json')).toEqual({ a: 1 })
  })

  it('gives nothing for other types, none, and bodies above the size', async () => {
    expect(await withType('text/plain', 'a').getBody()).toBeUndefined()
    expect(await inPhase('access', { body: '{}' }).kong.request.getBody()).toBeUndefined()
    expect(await withType('application/json', '{"a":1}').getBody(undefined, undefined, 3)).toBeUndefined()
  })
})
