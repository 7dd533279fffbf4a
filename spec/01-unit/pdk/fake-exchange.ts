import type { ClientRequest, Exchange, Phase, UpstreamRequest } from '../../../lib/pdk/exchange.js'
import { emptyHeaders, type HeaderRecord } from '../../../lib/pdk/headers.js'
import { createFilterKong, createKong, type FilterKong, type Kong } from '../../../lib/pdk/kong.js'
import type { Logger, PluginScope } from '../../../lib/pdk/method.js'

export interface FakeExchange extends Exchange {
  upstream: UpstreamRequest
  /** What `exit` was called with. */
  exits: { status: number; body: Buffer | string | undefined; headers: HeaderRecord }[]
  failures: unknown[]
  flushes: number[]
}

interface Given {
  request?: Partial<ClientRequest>
  /** The body of the request. */
  body?: string | Buffer
  exchange?: Partial<Exchange>
}

export function headers(values: Record<string, string | string[]>): HeaderRecord {
  return Object.assign(emptyHeaders(), values)
}

/** An exchange that only notes what is asked of it: a GET of http://api.test/a%20b?x=1&x=2&flag. */
export function fakeExchange(phase: Phase, { request, body = '', exchange }: Given = {}): FakeExchange {
  const fake: FakeExchange = {
    id: '0123456789abcdef0123456789abcdef',
    phase,
    configuration: {},
    request: {
      method: 'GET',
      scheme: 'http',
      host: 'api.test',
      port: 8000,
      httpVersion: '1.1',
      rawPath: '/a%20b',
      path: '/a b',
      rawQuery: 'x=1&x=2&flag',
      headers: headers({ host: 'api.test:8000' }),
      ip: '10.0.0.1',
      remotePort: 4711,
      forwarded: {
        scheme: 'https',
        host: 'public.test',
        port: 443,
        path: '/v1/a b',
        prefix: '/v1',
        ip: '203.0.113.9',
        remotePort: 5000,
      },
      startTime: 1_795_351_953_161.75,
      readBody: (limit) => {
        const bytes = Buffer.from(body)
        return Promise.resolve(limit > 0 && bytes.length > limit ? undefined : bytes)
      },
      ...request,
    },
    route: { name: 'route', protocols: ['http', 'https'] },
    service: { name: 'service' },
    consumer: undefined,
    credential: undefined,
    captures: { named: { version: '12' }, unnamed: ['/12', '12'] },
    upstream: {
      scheme: 'http',
      host: 'up.test',
      port: 80,
      method: 'GET',
      path: '/up',
      rawQuery: '',
      headers: headers({ host: 'up.test' }),
      body: undefined,
      timeouts: { connect: 1, headers: 2, idle: 3 },
      tlsVerify: true,
    },
    nextAttempt: undefined,
    attemptsAfterCommit: false,
    serviceResponse: undefined,
    response: { status: 200, headers: emptyHeaders(), committed: false, source: 'service' },
    shared: new Map(),
    logValues: new Map(),
    secrets: new Set(),
    modelCall: undefined,
    transfer: { bytesIn: 0, bytesOut: 0, attempts: 0, abort: undefined },
    buffered: false,
    exits: [],
    failures: [],
    flushes: [],
    exit: (status, body, headers) => void fake.exits.push({ status, body, headers }),
    failAttempt: (failure) => void fake.failures.push(failure),
    flushAfter: (ms) => void fake.flushes.push(ms),
    serialize: () => JSON.stringify({ request: { id: fake.id } }),
    ...exchange,
  }
  return fake
}

/** A plugin's scope whose log lines are kept as `level message`. */
export function fakeScope(lines: string[] = []): PluginScope {
  const level = (name: string) => (_fields: object, message: string) => void lines.push(`${name} ${message}`)
  const logger: Logger = {
    debug: level('debug'),
    info: level('info'),
    warn: level('warn'),
    error: level('error'),
  }
  return {
    name: 'probe',
    id: 'ffb60a61',
    state: {},
    host: {
      nodeId: '83e5ac86',
      hostname: 'node-1',
      logger,
      isTrusted: (address) => address === '10.0.0.1',
      secret: (reference) => (reference === '{vault://env/key}' ? 'secret' : undefined),
    },
  }
}

/** The asynchronous facade over a new exchange. */
export function inPhase(phase: Phase, given?: Given): { kong: Kong; x: FakeExchange; lines: string[] } {
  const x = fakeExchange(phase, given)
  const lines: string[] = []
  return { kong: createKong(x, fakeScope(lines)), x, lines }
}

/** The synchronous one. */
export function inFilter(
  phase: 'header_filter' | 'body_filter',
  given?: Given,
): { kong: FilterKong; x: FakeExchange; lines: string[] } {
  const x = fakeExchange(phase, given)
  const lines: string[] = []
  return { kong: createFilterKong(x, fakeScope(lines)), x, lines }
}
