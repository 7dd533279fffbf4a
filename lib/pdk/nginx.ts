import { firstHeader, type HeaderRecord } from './headers.js'
import type { Exchange } from './exchange.js'
import { expectType } from './lua.js'
import { anyPhase, read, unavailable, write } from './method.js'

/** `kong.nginx`: what plugins ask of nginx, as far as it has a meaning without it. */
export const nginx = {
  /** An nginx variable; undefined for one that we do not know. */
  getVar: read(anyPhase, ({ exchange }, name: string): string | undefined => variable(exchange, name)),
  /** Shares its names with `kong.ctx.shared`. */
  getCtx: read(anyPhase, ({ exchange }, key: string): unknown => exchange.shared.get(key)),
  setCtx: write(anyPhase, ({ exchange }, key: string, value: unknown): void => {
    exchange.shared.set(key, value)
  }),
  getSubsystem: read(anyPhase, () => 'http' as const),
  /** Unix seconds, with a fraction of milliseconds. */
  reqStartTime: read(anyPhase, ({ exchange }) => Math.floor(exchange.request.startTime) / 1000),
  getStatistics: unavailable(),
  getTls1_versionStr: unavailable(),
  shared: { get: unavailable('see kong.ctx.shared'), set: unavailable('see kong.ctx.shared') },
}

const VARIABLES: Record<string, (exchange: Exchange) => string | undefined> = {
  kong_request_id: ({ id }) => id,
  request_id: ({ id }) => id,
  remote_addr: ({ request }) => request.forwarded.ip,
  remote_port: ({ request }) => String(request.forwarded.remotePort),
  realip_remote_addr: ({ request }) => request.ip,
  realip_remote_port: ({ request }) => String(request.remotePort),
  scheme: ({ request }) => request.scheme,
  host: ({ request }) => request.host,
  server_port: ({ request }) => String(request.port),
  server_protocol: ({ request }) => `HTTP/${request.httpVersion}`,
  request_method: ({ request }) => request.method,
  uri: ({ request }) => request.path,
  request_uri: ({ request }) => withQuery(request.rawPath, request.rawQuery),
  args: ({ request }) => request.rawQuery,
  query_string: ({ request }) => request.rawQuery,
  content_type: ({ request }) => firstHeader(request.headers, 'content-type'),
  content_length: ({ request }) => firstHeader(request.headers, 'content-length'),
  status: ({ response }) => String(response.status),
  upstream_scheme: ({ upstream }) => upstream.scheme,
  upstream_host: ({ upstream }) => firstHeader(upstream.headers, 'host') ?? upstream.host,
  upstream_uri: ({ upstream }) => withQuery(upstream.path, upstream.rawQuery),
  upstream_status: ({ serviceResponse }) => serviceResponse && String(serviceResponse.status),
}

/** Families of variables: what follows the prefix names a header or an argument. */
const FAMILIES: readonly [prefix: string, value: (exchange: Exchange, name: string) => string | undefined][] =
  [
    ['http_', ({ request }, name) => header(request.headers, name)],
    ['sent_http_', ({ response }, name) => header(response.headers, name)],
    [
      'upstream_http_',
      ({ serviceResponse }, name) => serviceResponse && header(serviceResponse.headers, name),
    ],
    ['arg_', ({ request }, name) => argument(request.rawQuery, name)],
  ]

function variable(exchange: Exchange, name: string): string | undefined {
  expectType(name, 'string', 'variable name')
  const lower = name.toLowerCase()
  if (Object.hasOwn(VARIABLES, lower)) return VARIABLES[lower]!(exchange)
  const family = FAMILIES.find(([prefix]) => lower.startsWith(prefix))
  return family?.[1](exchange, lower.slice(family[0].length))
}

function withQuery(path: string, query: string): string {
  return query === '' ? path : `${path}?${query}`
}

function header(headers: HeaderRecord, name: string): string | undefined {
  const value = headers[name.replaceAll('_', '-')] ?? headers[name]
  return Array.isArray(value) ? value.join(', ') : value
}

/** As sent, percent-encoding kept. */
function argument(query: string, name: string): string | undefined {
  for (const part of query.split('&')) {
    const [key = '', ...value] = part.split('=')
    if (key.toLowerCase() === name) return value.join('=')
  }
  return undefined
}
