import type { Captures } from '../pdk/exchange.js'
import { firstHeader, type HeaderRecord } from '../pdk/headers.js'
import type { GatewayConfig, Route, Service } from './entities.js'
import { compileHeader, compilePath, isRegexHeader, isRegexPath, splitHost } from './patterns.js'

/*
 * Kong's router in its default flavour, `traditional_compatible`: kong/router/transform.lua turns routes into
 * conditions and priorities, of which the first that holds wins. https://developer.konghq.com/gateway/traditional-router/
 */

export interface RoutedRequest {
  method: string
  /** As the client used it: what a trusted peer's `X-Forwarded-Proto` says. */
  scheme: string
  /** Without port. */
  host: string
  /** Of the listener. A port in the `Host` header goes before it. */
  port: number
  /** Normalised. */
  path: string
  headers: HeaderRecord
}

export interface RouteMatch {
  route: Route
  service: Service | undefined
  captures: Captures
  /** The prefix that the path begins with, or what the regular expression matched; absent without `paths`. */
  matchedPath: string | undefined
  /** The part of the path that does not go on to the upstream: `matchedPath` if the Route strips it. */
  stripped: string | undefined
  /** The Route takes https only and this is not: the status to answer with. */
  httpsStatus: Route['https_redirect_status_code'] | undefined
}

export interface Router {
  match(request: RoutedRequest): RouteMatch | undefined
}

interface PathMatch {
  path: string | undefined
  captures: Captures
}

type HostCondition = (request: RoutedRequest) => boolean

/** A Route with those of its paths that weigh the same, made ready for matching. */
interface Candidate {
  route: Route
  service: Service | undefined
  rank: number[]
  methods: ReadonlySet<string> | undefined
  hosts: HostCondition[] | undefined
  headers: { name: string; accepts: (value: string) => boolean }[]
  match(path: string): PathMatch | undefined
}

const NO_CAPTURES: Captures = { named: {}, unnamed: [] }
const NO_PATH: PathMatch = { path: undefined, captures: NO_CAPTURES }

/** The routes of disabled services are left out. Between routes of equal weight the first in the file wins. */
export function createRouter({ routes, services }: Pick<GatewayConfig, 'routes' | 'services'>): Router {
  const candidates = routes.flatMap((route) => {
    const service = route.service === undefined ? undefined : services.get(route.service.id)
    return service?.enabled === false ? [] : candidatesOf(route, service)
  })
  candidates.sort(byRank)
  return {
    match(request) {
      for (const candidate of candidates) {
        const found = candidate.match(request.path)
        if (found !== undefined && accepts(candidate, request)) return result(candidate, request, found)
      }
      return undefined
    },
  }
}

function accepts({ methods, hosts, headers }: Candidate, request: RoutedRequest): boolean {
  if (methods !== undefined && !methods.has(request.method)) return false
  if (hosts !== undefined && !hosts.some((matches) => matches(request))) return false
  for (const condition of headers) if (!holds(condition, request.headers)) return false
  return true
}

function holds({ name, accepts }: Candidate['headers'][number], headers: HeaderRecord): boolean {
  const value = headers[name]
  return Array.isArray(value) ? value.some(accepts) : value !== undefined && accepts(value)
}

function result(
  { route, service }: Candidate,
  request: RoutedRequest,
  { path, captures }: PathMatch,
): RouteMatch {
  const insecure = request.scheme !== 'https' && !route.protocols.includes('http')
  return {
    route,
    service,
    captures,
    matchedPath: path,
    stripped: route.strip_path ? path : undefined,
    httpsStatus: insecure ? route.https_redirect_status_code : undefined,
  }
}

/** A Route's paths weigh by their length, and its regular expressions together: one candidate for each of these. */
function candidatesOf(route: Route, service: Service | undefined): Candidate[] {
  const groups = new Map<number, string[]>()
  for (const path of route.paths ?? []) {
    const key = isRegexPath(path) ? -1 : path.length
    groups.set(key, [...(groups.get(key) ?? []), path])
  }
  const conditions = {
    route,
    service,
    methods: filled(route.methods) && new Set(route.methods),
    hosts: filled(route.hosts)?.map(hostCondition),
    headers: Object.entries(route.headers ?? {}).map(headerCondition),
  }
  if (groups.size === 0) return [{ ...conditions, rank: rank(route, []), match: () => NO_PATH }]
  const candidates: Candidate[] = []
  for (const paths of groups.values()) {
    const match = isRegexPath(paths[0]!) ? regexMatcher(paths) : prefixMatcher(paths)
    candidates.push({ ...conditions, rank: rank(route, paths), match })
  }
  return candidates
}

/**
 * What decides between routes that match the same request, most important first: how many kinds of conditions there are,
 * only hosts without wildcards, the number of headers, a regular expression, its priority, the length of the prefix.
 */
function rank(route: Route, paths: readonly string[]): number[] {
  const headers = Object.keys(route.headers ?? {}).length
  const kinds = [filled(route.methods), filled(route.hosts), headers > 0 || undefined, filled(paths)]
  const isRegex = paths[0] !== undefined && isRegexPath(paths[0])
  return [
    kinds.filter((kind) => kind !== undefined).length,
    filled(route.hosts)?.every((host) => !host.includes('*')) ? 1 : 0,
    headers,
    isRegex ? 1 : 0,
    isRegex ? route.regex_priority : 0,
    isRegex ? 0 : (paths[0]?.length ?? 0),
  ]
}

function byRank(a: Candidate, b: Candidate): number {
  for (const [i, weight] of a.rank.entries()) {
    const difference = b.rank[i]! - weight
    if (difference !== 0) return difference
  }
  return 0
}

function filled<T>(list: readonly T[] | undefined): readonly T[] | undefined {
  return list === undefined || list.length === 0 ? undefined : list
}

function prefixMatcher(prefixes: readonly string[]): Candidate['match'] {
  const matches = prefixes.map((path): [string, PathMatch] => [path, { path, captures: NO_CAPTURES }])
  return (path) => {
    for (const [prefix, match] of matches) if (path.startsWith(prefix)) return match
    return undefined
  }
}

function regexMatcher(paths: readonly string[]): Candidate['match'] {
  const patterns = paths.map(compilePath)
  return (path) => {
    for (const pattern of patterns) {
      const found = pattern.exec(path)
      if (found !== null) return { path: found[0], captures: capturesOf(found) }
    }
    return undefined
  }
}

/** None without groups, as in Kong. A named group has its place among the unnamed ones as well. */
function capturesOf(found: RegExpExecArray): Captures {
  if (found.length === 1) return NO_CAPTURES
  const named = Object.entries(found.groups ?? {}).filter(
    ([, value]) => (value as string | undefined) !== undefined,
  )
  const unnamed = [...(found as (string | undefined)[])].map((value) => value ?? '')
  return { named: Object.fromEntries(named), unnamed }
}

/** A wildcard stands for one or more labels at the beginning, or for anything at the end; no port for any port. */
function hostCondition(pattern: string): HostCondition {
  const { name, port } = splitHost(pattern)
  const matches = nameCondition(name)
  if (port === undefined) return ({ host }) => matches(host.toLowerCase())
  return (request) => portOf(request) === port && matches(request.host.toLowerCase())
}

function portOf({ headers, port }: RoutedRequest): number {
  return splitHost(firstHeader(headers, 'host') ?? '').port ?? port
}

function nameCondition(name: string): (host: string) => boolean {
  if (name.startsWith('*')) return (host) => host.endsWith(name.slice(1))
  if (name.endsWith('*')) return (host) => host.startsWith(name.slice(0, -1))
  return (host) => host === name
}

function headerCondition([name, values]: [string, string[]]): Candidate['headers'][number] {
  const plain = new Set(values.map((value) => value.toLowerCase()))
  const patterns = values.filter(isRegexHeader).map(compileHeader)
  return {
    name: name.toLowerCase(),
    accepts: (value) => plain.has(value.toLowerCase()) || patterns.some((pattern) => pattern.test(value)),
  }
}

/**
 * Kong's answer to a request that must be repeated over https.
 *
 * @param host as the client named it
 * @param target path and query as the client sent them
 */
export function httpsAnswer(
  status: Route['https_redirect_status_code'],
  host: string,
  target: string,
): { status: number; headers: Record<string, string>; message: string | undefined } {
  if (status !== 426) return { status, headers: { location: `https://${host}${target}` }, message: undefined }
  const headers = { connection: 'Upgrade', upgrade: 'TLS/1.2, HTTP/1.1' }
  return { status, headers, message: 'Please use HTTPS protocol' }
}
