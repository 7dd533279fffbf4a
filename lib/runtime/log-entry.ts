import { copyHeaders, emptyRecord } from '../pdk/headers.js'
import type { LiveExchange } from './exchange.js'
import { redactEntry } from './redact.js'

/** The log entry of an exchange (`kong.log.serialize`): Kong's own where a Kong is in front, with what plugins added. */
export function logEntry(x: LiveExchange): Record<string, unknown> {
  const entry = x.kongEntry ? copyOf(x.kongEntry) : ownEntry(x)
  // Also in an entry of Kong's, which redacts less than we do.
  redactEntry(entry, x.secrets)
  if (x.kongEntry === false) entry.kong = false
  if (x.aborted !== undefined) entry.aborted = x.aborted
  for (const [path, { value, mode }] of x.logValues) put(entry, keysOf(path), value, mode)
  return entry
}

/** Of JSON. `structuredClone` takes several times as long. */
function copyOf<T extends object>(value: T): T {
  if (Array.isArray(value)) return value.map(copied) as T
  const copy = { ...value } as Record<string, unknown>
  for (const key of Object.keys(copy)) copy[key] = copied(copy[key])
  return copy as T
}

function copied(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? copyOf(value) : value
}

/** In Kong's shape: its names, its units (times in milliseconds). */
function ownEntry(x: LiveExchange): Record<string, unknown> {
  const { request, response, timings } = x
  const uri = withQuery(request.forwarded.path, request.rawQuery)
  const now = timings.end || performance.now()
  const kong = (timings.sent || now) - timings.start
  return {
    request: {
      id: x.id,
      method: request.method,
      uri,
      url: `${request.forwarded.scheme}://${request.forwarded.host}:${request.forwarded.port}${uri}`,
      size: Number(request.headers['content-length'] ?? 0),
      querystring: request.rawQuery === '' ? {} : Object.fromEntries(new URLSearchParams(request.rawQuery)),
      headers: copyHeaders(request.headers),
    },
    response: { status: response.status, size: x.bytesOut, headers: copyHeaders(response.headers) },
    latencies: {
      request: Math.round(now - timings.start),
      kong: Math.round(kong),
      proxy: timings.headers ? Math.round(timings.headers - timings.sent) : -1,
      receive: timings.headers ? Math.round(now - timings.headers) : 0,
    },
    tries: x.tries,
    route: known(() => x.route),
    service: known(() => x.service),
    consumer: known(() => x.consumer),
    client_ip: request.forwarded.ip,
    started_at: Math.floor(request.startTime),
    upstream_uri: x.tries.length > 0 ? x.upstream.path : '',
    upstream_status: x.serviceResponse ? String(x.serviceResponse.status) : '',
    source: SOURCES[response.source],
    workspace_name: 'default',
  }
}

/** A part that the host does not know is left out. */
function known<T>(part: () => T): T | undefined {
  try {
    return part()
  } catch {
    return undefined
  }
}

/** Kong says `kong` for an answer of a plugin's or of its own. */
const SOURCES = { exit: 'kong', error: 'kong', service: 'upstream' } as const

function withQuery(path: string, query: string): string {
  return query === '' ? path : `${path}?${query}`
}

/** Dots lead into tables, `\\.` is a dot. */
function keysOf(path: string): string[] {
  if (!path.includes('\\')) return path.split('.')
  return path.split(/(?<!\\)\./).map((key) => key.replaceAll('\\.', '.'))
}

/** `set` always writes, `add` only where nothing is, `replace` only where something is. */
function put(
  entry: Record<string, unknown>,
  path: string[],
  value: unknown,
  mode: 'set' | 'add' | 'replace',
) {
  const last = path.pop()!
  let at = entry
  for (const key of path) {
    const next = Object.hasOwn(at, key) ? at[key] : undefined
    if (typeof next === 'object' && next !== null) at = next as Record<string, unknown>
    else at = at[key] = emptyRecord<unknown>()
  }
  const present = Object.hasOwn(at, last) && at[last] !== undefined
  if (mode === 'set' || (mode === 'add') !== present) at[last] = value
}
