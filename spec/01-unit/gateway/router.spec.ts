import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Route, Service } from '../../../lib/gateway/entities.js'
import { createRouter, httpsAnswer, type RoutedRequest } from '../../../lib/gateway/router.js'
import { emptyHeaders } from '../../../lib/pdk/headers.js'

/** A Route with Kong's defaults. */
function route(id: string, fields: Partial<Route>): Route {
  return {
    id,
    protocols: ['http', 'https'],
    regex_priority: 0,
    strip_path: true,
    path_handling: 'v0',
    preserve_host: false,
    https_redirect_status_code: 426,
    request_buffering: true,
    response_buffering: true,
    created_at: 0,
    updated_at: 0,
    ...fields,
  }
}

type Conditions = Record<string, Partial<Route>>

function routerOf(routes: Conditions, services: Service[] = []) {
  return createRouter({
    routes: Object.entries(routes).map(([id, fields]) => route(id, fields)),
    services: new Map(services.map((service) => [service.id, service])),
  })
}

/** `GET http://example.com:8000/path` as the router sees it. */
function request(line: string, headers: Record<string, string | string[]> = {}): RoutedRequest {
  const [, method = '', scheme = '', host = '', port, path = ''] =
    /^(\S+) (\w+):\/\/([^/:]*)(?::(\d+))?(.*)$/.exec(line) ?? []
  const hostHeader = port === undefined ? host : `${host}:${port}`
  return {
    method,
    scheme,
    host,
    port: 8000,
    path,
    headers: Object.assign(emptyHeaders(), { host: hostHeader }, headers),
  }
}

const chosen = (routes: Conditions, line: string, headers?: Record<string, string | string[]>) =>
  routerOf(routes).match(request(line, headers))?.route.id

describe('a single condition', () => {
  it.each<[string, Partial<Route>, string, boolean]>([
    ['a host', { hosts: ['a.com'] }, 'GET http://a.com/', true],
    ['a host in other case', { hosts: ['A.com'] }, 'GET http://a.COM/', true],
    ['another host', { hosts: ['a.com'] }, 'GET http://b.com/', false],
    ['a host with any port', { hosts: ['a.com'] }, 'GET http://a.com:123/', true],
    ['a host with its port', { hosts: ['a.com:123'] }, 'GET http://a.com:123/', true],
    ['a host with another port', { hosts: ['a.com:123'] }, 'GET http://a.com:124/', false],
    ['the port of the listener', { hosts: ['a.com:8000'] }, 'GET http://a.com/', true],
    ['one of several hosts', { hosts: ['a.com', 'b.com'] }, 'GET http://b.com/', true],
    ['a wildcard on the left', { hosts: ['*.a.com'] }, 'GET http://x.y.a.com/', true],
    ['a wildcard on the left without a label', { hosts: ['*.a.com'] }, 'GET http://a.com/', false],
    ['a wildcard on the right', { hosts: ['a.*'] }, 'GET http://a.org/', true],
    ['a wildcard on the right of another name', { hosts: ['a.*'] }, 'GET http://ba.org/', false],
    ['a wildcard with any port', { hosts: ['*.a.com'] }, 'GET http://x.a.com:9/', true],
    ['a wildcard with its port', { hosts: ['*.a.com:9'] }, 'GET http://x.a.com:9/', true],
    ['a wildcard with another port', { hosts: ['*.a.com:9'] }, 'GET http://x.a.com:8/', false],
    ['a prefix', { paths: ['/chat'] }, 'GET http://a.com/chat/completions', true],
    ['a prefix that ends within a segment', { paths: ['/chat'] }, 'GET http://a.com/chatter', true],
    ['a prefix in the middle', { paths: ['/chat'] }, 'GET http://a.com/v1/chat', false],
    ['a prefix in other case', { paths: ['/chat'] }, 'GET http://a.com/Chat', false],
    ['one of several prefixes', { paths: ['/a', '/bb', '/cc'] }, 'GET http://a.com/cc', true],
    ['a method', { methods: ['PUT'] }, 'PUT http://a.com/', true],
    ['another method', { methods: ['PUT'] }, 'GET http://a.com/', false],
    ['a regular expression', { paths: ['~/v\\d+/chat$'] }, 'GET http://a.com/v1/chat', true],
    ['a regular expression that goes on', { paths: ['~/v\\d+/chat$'] }, 'GET http://a.com/v1/chat/x', false],
    ['a regular expression in the middle', { paths: ['~/v\\d+'] }, 'GET http://a.com/x/v1', false],
    [
      'the second branch of an alternative, in the middle',
      { paths: ['~/a|/b'] },
      'GET http://a.com/x/b',
      false,
    ],
    ['nothing that must be there', { paths: [], methods: ['GET'] }, 'GET http://a.com/', true],
  ])('%s', (_, fields, line, matches) => {
    expect(chosen({ only: fields }, line)).toBe(matches ? 'only' : undefined)
  })

  it.each<[string, Record<string, string[]>, Record<string, string | string[]>, boolean]>([
    ['a header', { version: ['v1'] }, { version: 'v1' }, true],
    ['its name in other case', { Version: ['v1'] }, { version: 'v1' }, true],
    ['its value in other case', { version: ['V1'] }, { version: 'v1' }, true],
    ['another value', { version: ['v1'] }, { version: 'v2' }, false],
    ['a part of the value', { version: ['v1'] }, { version: 'v1.2' }, false],
    ['no such header', { version: ['v1'] }, {}, false],
    ['one of several values', { version: ['v1', 'v2'] }, { version: 'v2' }, true],
    ['one of repeated headers', { version: ['v1'] }, { version: ['v0', 'v1'] }, true],
    ['both of two headers', { a: ['1'], b: ['2'] }, { a: '1', b: '2' }, true],
    ['one of two headers', { a: ['1'], b: ['2'] }, { a: '1' }, false],
    ['a regular expression anywhere', { version: ['~*v[12]$'] }, { version: 'the V2' }, true],
    ['a regular expression that does not match', { version: ['~*^v[12]$'] }, { version: 'v3' }, false],
    ['one of several regular expressions', { version: ['~*^a', '~*^b'] }, { version: 'beta' }, true],
  ])('headers: %s', (_, headers, sent, matches) => {
    expect(chosen({ only: { headers } }, 'GET http://a.com/', sent)).toBe(matches ? 'only' : undefined)
  })

  it('asks for all kinds of conditions at once', () => {
    const routes: Conditions = { only: { hosts: ['a.com'], paths: ['/x'], methods: ['GET'] } }
    expect(chosen(routes, 'GET http://a.com/x')).toBe('only')
    for (const line of ['PUT http://a.com/x', 'GET http://b.com/x', 'GET http://a.com/y']) {
      expect(chosen(routes, line)).toBeUndefined()
    }
  })
})

describe('which of several routes', () => {
  it.each<[string, Conditions, string, string]>([
    [
      'the longer prefix',
      { a: { paths: ['/my'] }, b: { paths: ['/my-route'] } },
      'GET http://x.com/my-route/1',
      'b',
    ],
    [
      'the longest prefix, wherever its Route keeps it',
      { a: { paths: ['/', '/my-route'] }, b: { paths: ['/my', '/x'] } },
      'GET http://x.com/my-route/1',
      'a',
    ],
    [
      'the same Route for a short prefix',
      { a: { paths: ['/', '/my-route'] }, b: { paths: ['/my'] } },
      'GET http://x.com/my',
      'b',
    ],
    [
      'a regular expression before a longer prefix',
      { a: { paths: ['/v1/chat'] }, b: { paths: ['~/v\\d'] } },
      'GET http://x.com/v1/chat',
      'b',
    ],
    [
      'the regular expression with the higher priority',
      { a: { paths: ['~/v\\d/long'], regex_priority: 1 }, b: { paths: ['~/v'], regex_priority: 5 } },
      'GET http://x.com/v1/long',
      'b',
    ],
    [
      'any regular expression before one with a negative priority',
      { a: { paths: ['~/v'], regex_priority: -1 }, b: { paths: ['~/v'] } },
      'GET http://x.com/v1',
      'b',
    ],
    [
      'the first of two regular expressions',
      { a: { paths: ['~/v\\d+'] }, b: { paths: ['~/v\\d+/much-longer'] } },
      'GET http://x.com/v1/much-longer',
      'a',
    ],
    [
      'a prefix whatever the regex_priority of another prefix',
      { a: { paths: ['/v'], regex_priority: 9 }, b: { paths: ['/v1'] } },
      'GET http://x.com/v1',
      'b',
    ],
    [
      'a plain host before a wildcard',
      { a: { hosts: ['*.x.com'] }, b: { hosts: ['a.x.com'] } },
      'GET http://a.x.com/',
      'b',
    ],
    [
      'only plain hosts before a wildcard among them',
      { a: { hosts: ['a.x.com', '*.y.com'] }, b: { hosts: ['a.x.com'] } },
      'GET http://a.x.com/',
      'b',
    ],
    [
      'wildcard and path before a plain host alone',
      { a: { hosts: ['a.x.com'] }, b: { hosts: ['*.x.com'], paths: ['/p'] } },
      'GET http://a.x.com/p',
      'b',
    ],
    [
      'a plain host before a longer path with a wildcard',
      { a: { hosts: ['*.x.com'], paths: ['/path/long'] }, b: { hosts: ['a.x.com'], paths: ['/path'] } },
      'GET http://a.x.com/path/long',
      'b',
    ],
    [
      'more kinds of conditions',
      { a: { paths: ['/long/path'] }, b: { paths: ['/long'], methods: ['GET'] } },
      'GET http://x.com/long/path',
      'b',
    ],
    [
      'a path and a method before a regular expression',
      { a: { paths: ['~/.*'] }, b: { paths: ['/p'], methods: ['GET'] } },
      'GET http://x.com/p',
      'b',
    ],
    [
      'a prefix before a method',
      { a: { methods: ['GET'] }, b: { paths: ['/p'] } },
      'GET http://x.com/p',
      'b',
    ],
    [
      'a plain host before a path',
      { a: { paths: ['/long/path'] }, b: { hosts: ['x.com'] } },
      'GET http://x.com/long/path',
      'b',
    ],
    [
      'a half match does not count',
      { a: { hosts: ['y.com'], paths: ['/p'] }, b: { methods: ['GET'] } },
      'GET http://x.com/p',
      'b',
    ],
    ['the first of equal ones', { a: { paths: ['/p'] }, b: { paths: ['/p'] } }, 'GET http://x.com/p', 'a'],
    ['the catch-all', { a: { paths: ['/p'] }, b: { paths: ['/'] } }, 'GET http://x.com/q', 'b'],
  ])('%s', (_, routes, line, id) => {
    expect(chosen(routes, line)).toBe(id)
  })

  it('that with more headers, also before a longer path', () => {
    const routes: Conditions = {
      a: { headers: { version: ['v1'] }, paths: ['/path/long'] },
      b: { headers: { version: ['v1'], type: ['x'] }, paths: ['/path'] },
    }
    expect(chosen(routes, 'GET http://x.com/path/long', { version: 'v1', type: 'x' })).toBe('b')
    expect(chosen(routes, 'GET http://x.com/path/long', { version: 'v1' })).toBe('a')
  })

  it('does not depend on the order of the file, for prefixes of different lengths', () => {
    const lengths = fc.uniqueArray(fc.integer({ min: 1, max: 20 }), { minLength: 1 })
    fc.assert(
      fc.property(lengths, fc.integer({ min: 0, max: 25 }), (lengths, length) => {
        const routes = Object.fromEntries(lengths.map((n) => [`r${n}`, { paths: [`/${'x'.repeat(n)}`] }]))
        const best = Math.max(...lengths.filter((n) => n <= length))
        const expected = best < 0 ? undefined : `r${best}`
        expect(chosen(routes, `GET http://a.com/${'x'.repeat(length)}`)).toBe(expected)
      }),
    )
  })
})

describe('what a match tells', () => {
  const match = (fields: Partial<Route>, line: string) => routerOf({ only: fields }).match(request(line))

  it('the prefix, and that it is stripped', () => {
    expect(match({ paths: ['/v1', '/'] }, 'GET http://a.com/v1/x')).toMatchObject({
      matchedPath: '/v1',
      stripped: '/v1',
      captures: { named: {}, unnamed: [] },
    })
  })

  it('the prefix, and that it is not', () => {
    expect(match({ paths: ['/v1'], strip_path: false }, 'GET http://a.com/v1/x')).toMatchObject({
      matchedPath: '/v1',
      stripped: undefined,
    })
  })

  it('no path where the Route has none', () => {
    expect(match({ hosts: ['a.com'] }, 'GET http://a.com/v1')).toMatchObject({ matchedPath: undefined })
  })

  it('what a regular expression matched, and its groups by name and by place', () => {
    const found = match(
      { paths: ['~/users/(?P<id>\\d+)/profile/?(?<scope>[a-z]*)'] },
      'GET http://a.com/users/19/profile/email',
    )
    expect(found).toMatchObject({
      matchedPath: '/users/19/profile/email',
      captures: {
        named: { id: '19', scope: 'email' },
        unnamed: ['/users/19/profile/email', '19', 'email'],
      },
    })
  })

  it('no name for a group that took no part', () => {
    const found = match({ paths: ['~/(?<who>users/)?(?<id>\\d+)$'] }, 'GET http://a.com/19')
    expect(found?.captures).toEqual({ named: { id: '19' }, unnamed: ['/19', '', '19'] })
  })

  it('no captures where there are no groups', () => {
    const found = match({ paths: ['~/users/\\d+'] }, 'GET http://a.com/users/19/x')
    expect(found).toMatchObject({ matchedPath: '/users/19', captures: { named: {}, unnamed: [] } })
  })

  it('the Service, and nothing of a disabled one', () => {
    const service = { id: 's', enabled: true } as Service
    const off = { id: 'off', enabled: false } as Service
    const router = routerOf(
      {
        a: { paths: ['/a'], service: { id: 's' } },
        b: { paths: ['/a/b'], service: { id: 'off' } },
        c: { paths: ['/c'] },
      },
      [service, off],
    )
    expect(router.match(request('GET http://a.com/a/b'))).toMatchObject({ route: { id: 'a' }, service })
    expect(router.match(request('GET http://a.com/c'))).toMatchObject({
      route: { id: 'c' },
      service: undefined,
    })
  })
})

describe('protocols', () => {
  const status = (protocols: Route['protocols'], line: string) =>
    routerOf({ only: { paths: ['/'], protocols, https_redirect_status_code: 301 } }).match(request(line))
      ?.httpsStatus

  it.each<[Route['protocols'], string, number | undefined]>([
    [['https'], 'http', 301],
    [['https'], 'https', undefined],
    [['http', 'https'], 'http', undefined],
    // Kong sends nobody away from https
    [['http'], 'https', undefined],
  ])('a Route for %j, asked by %s: %s', (protocols, scheme, expected) => {
    expect(status(protocols, `GET ${scheme}://a.com/`)).toBe(expected)
  })

  it('asks for an upgrade', () => {
    expect(httpsAnswer(426, 'a.com', '/x')).toEqual({
      status: 426,
      headers: { connection: 'Upgrade', upgrade: 'TLS/1.2, HTTP/1.1' },
      message: 'Please use HTTPS protocol',
    })
  })

  it('redirects to the same path and query', () => {
    expect(httpsAnswer(308, 'a.com', '/x?y=1')).toEqual({
      status: 308,
      headers: { location: 'https://a.com/x?y=1' },
      message: undefined,
    })
  })
})
