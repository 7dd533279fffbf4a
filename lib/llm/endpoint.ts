import type { ModelOptions, ProviderRequest } from './driver.js'
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
  options: Pick<ModelOptions, 'upstream_url' | 'upstream_path'>,
): Endpoint {
  const url = parseOrigin(options.upstream_url || request.origin)
  const driver = splitQuery(request.path)
  const own = options.upstream_url ? url.search.slice(1) : ''
  const configured = options.upstream_path
    ? splitQuery(below(request.base, options.upstream_path))
    : { path: undefined, query: '' }
  const path = options.upstream_url && url.pathname !== '/' ? url.pathname : (configured.path ?? driver.path)
  const ownQuery = path === configured.path ? joinQueries(own, configured.query) : own
  return {
    scheme: url.protocol === 'http:' ? 'http' : 'https',
    host: url.hostname,
    port: url.port === '' ? (url.protocol === 'http:' ? 80 : 443) : Number(url.port),
    path: `/${path.replace(/^\/+/, '')}`,
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

function parseOrigin(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new ChatError(500, 'upstream_url is not an http or https URL', { param: 'upstream_url' })
  }
  return url
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
  const names = new URLSearchParams(first)
  const added = second.split('&').filter((pair) => pair !== '' && !names.has(nameOf(pair)))
  return [first, ...added].filter((part) => part !== '').join('&')
}

function nameOf(pair: string): string {
  return [...new URLSearchParams(pair).keys()][0] ?? ''
}
