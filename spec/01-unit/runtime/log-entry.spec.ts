import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { emptyRecord } from '../../../lib/pdk/headers.js'
import type { LiveExchange } from '../../../lib/runtime/exchange.js'
import { logEntry } from '../../../lib/runtime/log-entry.js'
import { redactedEntry } from '../../../lib/runtime/redact.js'

type Entry = Record<string, unknown>

const KONGS =
  '{"request":{"headers":{"cookie":"a=b"},"querystring":{"__proto__":{"x":[1,{"y":null}]}}},"tries":[{"ip":"::1"}]}'

/** What the entry is to say, member by member, in the simplest way. */
function expected(x: LiveExchange): Entry {
  const entry = redactedEntry(x.kongEntry || ownEntry(x), x.secrets)
  if (x.kongEntry === false) entry.kong = false
  if (x.aborted !== undefined) entry.aborted = x.aborted
  const copy = parsed(JSON.stringify(entry))
  for (const [path, { value, mode }] of x.logValues) put(copy, path.split('.'), structuredClone(value), mode)
  return parsed(JSON.stringify(copy))
}

function ownEntry(x: LiveExchange): Entry {
  const { request, response, timings } = x
  const { scheme, host, port, path } = request.forwarded
  const uri = request.rawQuery === '' ? path : `${path}?${request.rawQuery}`
  const now = timings.end
  const isProxied = timings.sent > 0 && timings.headers > 0
  return {
    request: {
      id: x.id,
      method: request.method,
      uri,
      url: `${scheme}://${host}:${port}${uri}`,
      size: Number(request.headers['content-length'] ?? 0),
      querystring: Object.fromEntries(new URLSearchParams(request.rawQuery)),
      headers: request.headers,
    },
    response: { status: response.status, size: x.bytesOut, headers: response.headers },
    latencies: {
      request: Math.round(now - timings.start),
      kong: Math.round((timings.sent || now) - timings.start),
      proxy: isProxied ? Math.round(timings.headers - timings.sent) : -1,
      receive: isProxied ? Math.round(now - timings.headers) : 0,
    },
    tries: x.tries,
    route: x.route,
    service: x.service,
    consumer: x.consumer,
    client_ip: request.forwarded.ip,
    started_at: Math.floor(request.startTime),
    upstream_uri: x.tries.length > 0 ? x.upstream.path : '',
    upstream_status: x.serviceResponse ? String(x.serviceResponse.status) : '',
    source: response.source === 'service' ? 'upstream' : 'kong',
    workspace_name: 'default',
  }
}

function put(entry: Entry, keys: string[], value: unknown, mode: 'set' | 'add' | 'replace') {
  const last = keys.pop()!
  let at = entry
  for (const key of keys) {
    const next = Object.hasOwn(at, key) ? at[key] : undefined
    at = typeof next === 'object' && next !== null ? (next as Entry) : (at[key] = {})
  }
  const present = Object.hasOwn(at, last) && at[last] !== undefined
  if (mode === 'set' || (mode === 'add') !== present) at[last] = value
}

function parsed(text: string): Entry {
  return JSON.parse(text) as Entry
}

// ---- any exchange

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('', 'a', 'b', 'x'.repeat(300), '"\\\n\u2028\ud800', 'REDACTED'),
)
const headerName = fc.oneof(
  fc.constantFrom('host', 'via', 'authorization', 'x-mine', '__proto__', 'constructor', '7'),
  fc.string({ unit: 'binary' }).map((name) => name.toLowerCase()),
)
const headers = fc
  .array(fc.tuple(headerName, fc.oneof(text, fc.array(text, { minLength: 2, maxLength: 3 }))))
  .map((pairs) => pairs.reduce((all, [name, value]) => ((all[name] = value), all), emptyRecord<unknown>()))
const query = fc.oneof(
  fc.constant(''),
  fc.webQueryParameters(),
  fc.constantFrom('key=s', 'a=1&api_key=s&__proto__=x', 'X-Mine=s&%zz=1&7=7', '=', '&&'),
)
const path = fc.oneof(
  fc.webPath().map((rest) => `/${rest}`),
  text,
  fc.constant('/a?key=s&b=1#key=t'),
)
const time = fc.double({ min: 0, max: 1e6, noNaN: true })
const status = fc.oneof(fc.integer({ min: 100, max: 599 }), fc.constant(NaN))
const entity = fc.option(fc.dictionary(text, fc.jsonValue()), { nil: undefined })
const tries = fc.array(
  fc.record(
    { host: text, port: fc.nat(), failure: fc.constantFrom('connect', 'timeout') },
    { requiredKeys: ['host', 'port'] },
  ),
  { maxLength: 3 },
)
const logValue = fc.record({
  value: fc.oneof(fc.jsonValue(), fc.constant(undefined)),
  mode: fc.constantFrom('set', 'add', 'replace'),
})
const logPath = fc.oneof(
  fc.constantFrom('ai.proxy.meta', 'ai.proxy', 'ai.proxy.meta.x', 'mine', 'mine.0', '', '.'),
  fc.constantFrom('request.id', 'request.headers.host', 'route', 'route.name', 'consumer.x', 'tries.0.host'),
  fc.constantFrom('kong', 'aborted', 'aborted.x', 'source', 'workspace_name.x', 'authenticated_entity.id'),
)

const exchange = fc.record({
  id: text,
  kongEntry: fc.constantFrom(undefined, undefined, false, parsed(KONGS)),
  request: fc.record({
    method: fc.constantFrom('GET', 'POST'),
    rawQuery: query,
    headers,
    startTime: fc.double({ min: 1.7e12, max: 1.9e12, noNaN: true }),
    forwarded: fc.record({ scheme: text, host: text, port: fc.nat(), path, ip: text }),
  }),
  response: fc.record({ status, headers, source: fc.constantFrom('exit', 'error', 'service') }),
  timings: fc.record({
    start: time,
    sent: fc.oneof(fc.constant(0), time),
    headers: fc.oneof(fc.constant(0), time),
    end: time.map((ms) => ms + 1),
  }),
  tries,
  bytesOut: fc.nat(),
  route: entity,
  service: entity,
  consumer: entity,
  upstream: fc.record({ path }),
  serviceResponse: fc.option(fc.record({ status }), { nil: undefined }),
  aborted: fc.option(text, { nil: undefined }),
  secrets: fc.uniqueArray(fc.constantFrom('x-mine', 'host', '__proto__', 'b')).map((names) => new Set(names)),
  logValues: fc.array(fc.tuple(logPath, logValue), { maxLength: 5 }).map((values) => new Map(values)),
}) as unknown as fc.Arbitrary<LiveExchange>

/** Any exchange that is not behind a Kong, but for what is said of it. */
function exchangeWith(given: object): LiveExchange {
  const [x] = fc.sample(exchange, { numRuns: 1, seed: 1 })
  const own = Object.assign(x!, { kongEntry: undefined, logValues: new Map() })
  return Object.defineProperties(own, Object.getOwnPropertyDescriptors(given))
}

describe('a log entry', () => {
  it('says of any exchange what there is to say, and in JSON', () => {
    const check = (x: LiveExchange) => {
      const entry = expected(x)
      expect(parsed(logEntry(x))).toEqual(entry)
      // Headers and entities are remembered: it says the same again.
      expect(parsed(logEntry(x))).toEqual(entry)
    }
    fc.assert(fc.property(exchange, check), { numRuns: 500 })
  })

  it('shows the value of a header or not, whatever the entry before did', () => {
    const request = Object.assign(exchangeWith({}).request, { headers: { 'x-turns': 'sk-1' } })
    const hidden = [[], [], ['x-turns'], []]
    const entries = hidden.map((secrets) => logEntry(exchangeWith({ request, secrets: new Set(secrets) })))
    const shown = entries.map((entry) => entry.includes('"x-turns":"sk-1"'))
    expect(shown).toEqual([true, true, false, true])
  })

  it('says that an answer of our own waited for no upstream', () => {
    const x = exchangeWith({ timings: { start: 1000, sent: 0, headers: 1007, end: 1010 } })
    expect(parsed(logEntry(x)).latencies).toEqual({ request: 10, kong: 10, proxy: -1, receive: 0 })
  })

  it('leaves out what the host does not know', () => {
    const unknowing = exchangeWith({
      get route(): never {
        throw new Error('unknown')
      },
    })
    expect(parsed(logEntry(unknowing))).not.toHaveProperty('route')
  })
})

describe('the log entry of an exchange behind a Kong', () => {
  it('is Kong’s, each time, whatever a client named its arguments', () => {
    const kongEntry = parsed(KONGS)
    const x = { kongEntry, secrets: new Set(), logValues: new Map([['mine', { value: 1, mode: 'set' }]]) }
    const entries = [1, 2].map(() => logEntry(x as unknown as LiveExchange))
    const written = `${KONGS.replace('a=b', 'REDACTED').slice(0, -1)},"mine":1}`
    expect(entries).toEqual([written, written])
    expect(JSON.stringify(kongEntry)).toBe(KONGS)
  })

  it('takes what a plugin writes into it, and stays Kong’s', () => {
    const kongEntry = parsed(KONGS)
    const x = {
      kongEntry,
      secrets: new Set(),
      logValues: new Map([['tries.0.ip', { value: 1, mode: 'set' }]]),
    }
    const entries = [1, 2].map(() => logEntry(x as unknown as LiveExchange))
    expect(entries.map((entry) => parsed(entry).tries)).toEqual([[{ ip: 1 }], [{ ip: 1 }]])
    expect(JSON.stringify(kongEntry)).toBe(KONGS)
  })
})
