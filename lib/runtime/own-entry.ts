import { escaped } from '../llm/formats/escaped.js'
import type { Entity } from '../pdk/exchange.js'
import type { LiveExchange } from './exchange.js'
import { headersText } from './headers-text.js'
import { redactedQuery, redactedUri } from './redact.js'

/**
 * The members of the log entry that we write ourselves, in Kong's shape: its names, its units (times in milliseconds). The shape is said
 * here once. A hot path: what came from outside is quoted, headers are redacted as they are written, and what a config has
 * is written once for all requests.
 */
export function ownMembers(x: LiveExchange): string {
  const { request, response, timings, secrets, serviceResponse } = x
  const { scheme, host, port, path, ip } = request.forwarded
  const uri = request.rawQuery === '' ? path : `${path}?${request.rawQuery}`
  const now = timings.end || performance.now()
  const kong = (timings.sent || now) - timings.start
  // An answer of a plugin's or of ours has headers, too, but no upstream has been waited for.
  const isProxied = timings.sent > 0 && timings.headers > 0
  const proxy = isProxied ? timings.headers - timings.sent : -1
  const receive = isProxied ? now - timings.headers : 0
  const upstreamUri = x.tries.length > 0 ? x.upstream.path : ''
  return `"request":{"id":"${escaped(x.id)}","method":"${escaped(request.method)}"\
,"uri":"${escaped(redactedUri(uri, secrets))}"\
,"url":"${escaped(redactedUri(`${scheme}://${host}:${port}${uri}`, secrets))}"\
,"size":${number(Number(request.headers['content-length'] ?? 0))}\
,"querystring":${request.rawQuery === '' ? '{}' : JSON.stringify(redactedQuery(request.rawQuery, secrets))}\
,"headers":${headersText(request.headers, secrets)}}\
,"response":{"status":${number(response.status)},"size":${x.bytesOut},"headers":${headersText(response.headers, secrets)}}\
,"latencies":{"request":${Math.round(now - timings.start)},"kong":${Math.round(kong)}\
,"proxy":${Math.round(proxy)},"receive":${Math.round(receive)}}\
,"tries":[${x.tries.map(tryText).join(',')}]\
${entityMember(x, 'route')}${entityMember(x, 'service')}${entityMember(x, 'consumer')}\
,"client_ip":"${escaped(ip)}","started_at":${Math.floor(request.startTime)}\
,"upstream_uri":"${escaped(redactedUri(upstreamUri, secrets))}"\
,"upstream_status":"${serviceResponse ? serviceResponse.status : ''}"\
,"source":"${SOURCES[response.source]}","workspace_name":"default"\
${x.kongEntry === false ? ',"kong":false' : ''}\
${x.aborted === undefined ? '' : `,"aborted":"${escaped(x.aborted)}"`}`
}

const KEYS: ReadonlySet<string> = new Set([
  'request',
  'response',
  'latencies',
  'tries',
  'route',
  'service',
  'consumer',
  'client_ip',
  'started_at',
  'upstream_uri',
  'upstream_status',
  'source',
  'workspace_name',
  'kong',
  'aborted',
])

/** Whether the entry may have the member. */
export function isOwnKey(key: string): boolean {
  return KEYS.has(key)
}

/** Kong says `kong` for an answer of a plugin's or of its own. */
const SOURCES = { exit: 'kong', error: 'kong', service: 'upstream' } as const

function tryText({ host, port, failure }: LiveExchange['tries'][number]): string {
  const end = failure === undefined ? '' : `,"failure":"${failure}"`
  return `{"host":"${escaped(host)}","port":${number(port)}${end}}`
}

/** JSON has no number that is none. */
function number(value: number): string {
  return Number.isFinite(value) ? String(value) : 'null'
}

/** JSON of entities, which do not change: a new config has new ones. */
const ENTITIES = new WeakMap<Entity, string>()

/** A part that the host does not know is left out. */
function entityMember(x: LiveExchange, name: 'route' | 'service' | 'consumer'): string {
  try {
    const entity = x[name]
    return entity === undefined ? '' : `,"${name}":${entityText(entity)}`
  } catch {
    return ''
  }
}

function entityText(entity: Entity): string {
  const known = ENTITIES.get(entity)
  if (known !== undefined) return known
  const text = JSON.stringify(entity)
  ENTITIES.set(entity, text)
  return text
}
