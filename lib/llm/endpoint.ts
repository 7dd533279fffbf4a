import type { ProviderRequest } from './driver.js'
import { ChatError } from './errors.js'

/** Where a request goes. */
export interface Endpoint {
  scheme: 'http' | 'https'
  /** Without port; an IPv6 address in brackets. */
  host: string
  port: number
  /** Percent-encoded, with its leading slash. */
  path: string
  /** Without the question mark; `''` if there is none. */
  rawQuery: string
}

/**
 * Where a driver's request goes once the config has had its say: `upstream_url` replaces scheme, host and port, and, if
 * it has one, the path; else `upstream_path` replaces the driver's path below its base. The driver's query (`alt=sse`,
 * `api-version`) says how to answer, not where: it stays, but for names that the config's own query has.
 *
 * @throws ChatError 500 where `upstream_url` is no http or https URL
 */
export function resolveEndpoint(
  request: Pick<ProviderRequest, 'origin' | 'path' | 'base'>,
  options: { upstream_url?: string | undefined; upstream_path?: string | undefined },
): Endpoint {
  const { upstream_url: upstreamUrl, upstream_path: upstreamPath } = options
  const url = originOf(upstreamUrl || request.origin)
  const driver = splitQuery(request.path)
  const own = upstreamUrl ? url.query : ''
  const configured = upstreamPath ? splitQuery(below(request.base, upstreamPath)) : NOT_CONFIGURED
  const path = upstreamUrl && url.path !== '/' ? url.path : (configured.path ?? driver.path)
  const ownQuery = path === configured.path ? joinQueries(own, configured.query) : own
  return {
    scheme: url.scheme,
    host: url.host,
    port: url.port,
    path: path.startsWith('/') && path[1] !== '/' ? path : `/${path.replace(/^\/+/, '')}`,
    rawQuery: joinQueries(ownQuery, driver.query),
  }
}

/**
 * One segment of a path, for a name from config or client: nothing in it can end the segment or the path.
 *
 * @throws ChatError 400 for what no segment can be: nothing, half a character, `.` and `..`, which are directions
 *   even where they are encoded
 */
export function encodeSegment(name: string, param = 'model'): string {
  if (name === '' || name === '.' || name === '..' || /\p{Surrogate}/u.test(name)) {
    throw ChatError.badRequest(`'${name}' cannot be part of a path`, param)
  }
  return encodeURIComponent(name)
}

const NOT_CONFIGURED = { path: undefined, query: '' }

/** An origin in its parts. */
interface Origin extends Pick<Endpoint, 'scheme' | 'host' | 'port'> {
  /** `/` where the URL has none. */
  readonly path: string
  readonly query: string
}

/** Nearly all come from the config, and parsing one costs more than all the rest here: those seen last are kept. */
const origins = new Map<string, Origin>()
const MAX_ORIGINS = 200

function originOf(text: string): Origin {
  const known = origins.get(text)
  if (known !== undefined) return known
  const origin = parseOrigin(text)
  if (origins.size >= MAX_ORIGINS) origins.clear()
  origins.set(text, origin)
  return origin
}

function parseOrigin(text: string): Origin {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new ChatError(500, 'upstream_url is not an http or https URL', { param: 'upstream_url' })
  }
  const scheme = url.protocol === 'http:' ? 'http' : 'https'
  const port = url.port === '' ? (scheme === 'http' ? 80 : 443) : Number(url.port)
  return { scheme, host: url.hostname, port, path: url.pathname, query: url.search.slice(1) }
}

function below(base: string | undefined, path: string): string {
  return base === undefined ? path : `${base}/${path.replace(/^\/+/, '')}`
}

function splitQuery(path: string): { path: string; query: string } {
  const mark = path.indexOf('?')
  return mark === -1 ? { path, query: '' } : { path: path.slice(0, mark), query: path.slice(mark + 1) }
}

/** Both queries; of a name that both have, the first one's. */
function joinQueries(first: string, second: string): string {
  if (first === '' || second === '') return first + second
  const names = new URLSearchParams(first)
  const added = second.split('&').filter((pair) => pair !== '' && !names.has(nameOf(pair)))
  return [first, ...added].filter((part) => part !== '').join('&')
}

function nameOf(pair: string): string {
  return [...new URLSearchParams(pair).keys()][0] ?? ''
}
