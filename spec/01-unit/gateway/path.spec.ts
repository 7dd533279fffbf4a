import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { escapePath, upstreamPath } from '../../../lib/gateway/path.js'
import { normalizePath } from '../../../lib/runtime/normalize-path.js'

describe('normalizePath', () => {
  it.each([
    ['/', '/'],
    ['/a/b/c/', '/a/b/c/'],
    // reserved characters stay encoded, in upper case
    ['/a%2fb%2Fc/', '/a%2Fb%2Fc/'],
    [
      '/%21%23%24%25%26%27%28%29%2a%2b%2c%2f%3a%3b%3d%3f%40%5b%5d',
      '/%21%23%24%25%26%27%28%29%2A%2B%2C%2F%3A%3B%3D%3F%40%5B%5D',
    ],
    // all others are decoded
    ['/%6B%6f%6e%67', '/kong'],
    ['/%20%22%3C%7c%5f', '/ "<|_'],
    ['/endel%C3%B8st', '/endeløst'],
    ['/%F0%9F%98%80', '/😀'],
    // bytes that are no UTF-8 stay
    ['/%99%af', '/%99%AF'],
    ['/%c3%41', '/%C3A'],
    ['/%ff%c3%b8%c3', '/%FFø%C3'],
    ['/%c0%af%e0%80%af', '/%C0%AF%E0%80%AF'],
    ['/%ed%a0%80', '/%ED%A0%80'],
    // dot segments, encoded or not
    ['/.', '/'],
    ['/a/.', '/a/'],
    ['/a/..', '/'],
    ['/a/b/..', '/a/'],
    ['/a/b/c/./../../g', '/a/g'],
    ['/a/%2e%2E/b', '/b'],
    ['/%2E', '/'],
    ['/.well-known/x', '/.well-known/x'],
    ['/a../b', '/a../b'],
    ['/...', '/...'],
    // slashes
    ['//', '/'],
    ['/a//b//', '/a/b/'],
    ['/a//../b', '/b'],
    ['/%C3%A4/a/%2e./a%2E//a/%2e/./a/../a/%2e%2E/%5f', '/ä/a./a/_'],
  ])('makes %s %s', (raw, normal) => {
    expect(normalizePath(raw)).toBe(normal)
  })

  it.each(['/%', '/%4', '/%zz', '/%%34%31', '/a%00b', '/..', '/a/../..', '/%2e%2e/', '', '*', 'a/b'])(
    'has no meaning for %j, which nginx refuses',
    (raw) => {
      expect(normalizePath(raw)).toBeUndefined()
    },
  )

  const part = fc.constantFrom(
    'a',
    '/',
    '.',
    '..',
    '%2e',
    '%2F',
    '%41',
    '%25',
    '%c3%b8',
    '%C3',
    '%ff',
    'ø',
    '?',
  )
  const path = fc.array(part).map((parts) => `/${parts.join('')}`)

  it('changes nothing the second time', () => {
    fc.assert(
      fc.property(path, (raw) => {
        const once = normalizePath(raw)
        fc.pre(once !== undefined)
        expect(normalizePath(once)).toBe(once)
      }),
    )
  })

  it('leaves no dot segments and no empty ones', () => {
    fc.assert(
      fc.property(path, (raw) => {
        expect(normalizePath(raw) ?? '/').not.toMatch(/\/\/|\/\.\.?(?:\/|$)/)
      }),
    )
  })

  it('finds what escapePath has encoded the same as before', () => {
    fc.assert(
      fc.property(path, (raw) => {
        const once = normalizePath(raw)
        fc.pre(once !== undefined)
        expect(normalizePath(escapePath(once))).toBe(once)
      }),
    )
  })
})

describe('escapePath', () => {
  it('keeps reserved and unreserved characters and the percent sign', () => {
    const kept = "/!#$%&'()*+,/:;=?@[]ABCXYZabcxyz0189-_.~"
    expect(escapePath(kept)).toBe(kept)
  })

  it.each([
    ['/a b', '/a%20b'],
    ['/a😀', '/a%F0%9F%98%80'],
    ['/"<>\\^`{|}', '/%22%3C%3E%5C%5E%60%7B%7C%7D'],
    ['/a\r\nb', '/a%0D%0Ab'],
  ])('makes %j %s', (path, escaped) => {
    expect(escapePath(path)).toBe(escaped)
  })

  it('leaves only what a request line can hold', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (path) => {
        expect(escapePath(path)).toMatch(/^[!-~]*$/)
      }),
    )
  })
})

type Row = [service: string, route: string | null, strip: boolean, request: string, expected: string]
const KONG = new URL('../../fixtures/gateway/path-handling.json', import.meta.url)

describe('upstreamPath', () => {
  it.each(JSON.parse(readFileSync(KONG, 'utf8')) as Row[])(
    'Service %s, Route %s, strip_path %s: %s becomes %s',
    (service, route, strip, request, expected) => {
      const stripped = strip && route !== null ? route : undefined
      expect(upstreamPath(service, normalizePath(request)!, stripped)).toBe(expected)
    },
  )

  it('takes a Service without a path for one with /', () => {
    expect(upstreamPath(undefined, '/route/x', '/route')).toBe('/x')
    expect(upstreamPath(undefined, '/route', '/route')).toBe('/')
  })

  it('encodes what normalising has decoded', () => {
    expect(upstreamPath('/v1', '/chat/john doe', '/chat')).toBe('/v1/john%20doe')
  })

  it('never leads out of the path of the Service', () => {
    expect(upstreamPath('/v1', '/chat../x', '/chat')).toBe('/v1/x')
    expect(upstreamPath('/v1', '/chat..', '/chat')).toBe('/v1')
  })
})
