import { describe, expect, it } from 'vitest'
import { encodeSegment, resolveEndpoint } from '../../../lib/llm/endpoint.js'
import { ChatError } from '../../../lib/llm/errors.js'

const REQUEST = { origin: 'https://api.example.com:443', path: '/v1/chat' }

function url(options: { upstream_url?: string; upstream_path?: string }, path = REQUEST.path): string {
  const { scheme, host, port, path: resolved, rawQuery } = resolveEndpoint({ ...REQUEST, path }, options)
  return `${scheme}://${host}:${port}${resolved}${rawQuery === '' ? '' : `?${rawQuery}`}`
}

describe('an endpoint', () => {
  it.each<[what: string, options: { upstream_url?: string; upstream_path?: string }, expected: string]>([
    ["is the driver's", {}, 'https://api.example.com:443/v1/chat'],
    [
      'keeps the path under a URL without one',
      { upstream_url: 'http://localhost:8080' },
      'http://localhost:8080/v1/chat',
    ],
    [
      'keeps the path under a URL that ends in /',
      { upstream_url: 'http://localhost/' },
      'http://localhost:80/v1/chat',
    ],
    [
      'has the port of its scheme',
      { upstream_url: 'https://other.example' },
      'https://other.example:443/v1/chat',
    ],
    ['takes a URL with a path whole', { upstream_url: 'http://h:1/x/y' }, 'http://h:1/x/y'],
    ['keeps the query', { upstream_url: 'http://h:1/x?key=a%20b&c' }, 'http://h:1/x?key=a%20b&c'],
    ['keeps the query without a path', { upstream_url: 'http://h:1?k=v' }, 'http://h:1/v1/chat?k=v'],
    ['has no credentials and fragment', { upstream_url: 'http://u:p@h:1/x#f' }, 'http://h:1/x'],
    ['knows IPv6', { upstream_url: 'http://[::1]:9' }, 'http://[::1]:9/v1/chat'],
    ['takes the path of the config', { upstream_path: '/other' }, 'https://api.example.com:443/other'],
    ['has one leading slash', { upstream_path: '//other' }, 'https://api.example.com:443/other'],
    ["prefers the URL's path", { upstream_url: 'http://h:1/x', upstream_path: '/y' }, 'http://h:1/x'],
    [
      'puts the path under a URL without one',
      { upstream_url: 'http://h:1', upstream_path: '/y' },
      'http://h:1/y',
    ],
  ])('%s', (_, options, expected) => {
    expect(url(options)).toBe(expected)
  })

  it("keeps the driver's query, but for names that the config sets", () => {
    const path = '/v1/models/m:stream?alt=sse&api-version=1'
    expect(url({}, path)).toBe('https://api.example.com:443/v1/models/m:stream?alt=sse&api-version=1')
    expect(url({ upstream_url: 'http://h:1/x?api-version=2' }, path)).toBe(
      'http://h:1/x?api-version=2&alt=sse',
    )
    expect(url({ upstream_path: '/y?a=1' }, path)).toBe(
      'https://api.example.com:443/y?a=1&alt=sse&api-version=1',
    )
  })

  it('is none where the URL is none', () => {
    for (const wrong of ['nonsense', 'ftp://h/x', 'file:///etc/passwd']) {
      expect(() => url({ upstream_url: wrong })).toThrow(ChatError)
    }
  })
})

describe('a path segment', () => {
  it('is encoded so that nothing in it ends it', () => {
    expect(encodeSegment('gpt-4o')).toBe('gpt-4o')
    expect(encodeSegment('../../admin?x#y')).toBe('..%2F..%2Fadmin%3Fx%23y')
    expect(encodeSegment('arn:aws:model/x')).toBe('arn%3Aaws%3Amodel%2Fx')
    expect(encodeSegment('模型')).toBe('%E6%A8%A1%E5%9E%8B')
  })

  it('is refused where encoding does not help', () => {
    for (const name of ['', '.', '..', '\ud800']) expect(() => encodeSegment(name)).toThrow(ChatError)
  })
})
