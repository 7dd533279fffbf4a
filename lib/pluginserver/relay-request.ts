import type { IncomingMessage } from 'node:http'
import type { UpstreamRequest } from '../pdk/exchange.js'
import { endToEndHeaders, firstHeader, keepHeaders, type HeaderRecord } from '../pdk/headers.js'
import type { RequestFacts } from '../runtime/incoming-request.js'
import { normalizePath } from '../runtime/normalize-path.js'
import { TICKET_HEADER } from './tickets.js'

/** What Kong adds to a request that it proxies. The client's own headers are what remains without it. */
const KONGS_HEADERS: ReadonlySet<string> = new Set([
  'via',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-path',
  'x-forwarded-prefix',
  'x-real-ip',
  'x-kong-request-id',
  TICKET_HEADER,
])

/** What Kong says of the client's request in the headers of its own. */
export interface DeliveredRequest {
  facts: RequestFacts
  /** Kong's id of the request. */
  id: string | undefined
  /** The client's headers, after what other plugins did to them. */
  clientHeaders: HeaderRecord
  /** Those that Kong would have sent to the Service: its own and the client's. `host` only where a plugin set it on purpose. */
  onwardHeaders: () => HeaderRecord
  /** Path and query as Kong would have sent them to the Service, percent-encoded. */
  path: string
  rawQuery: string
}

/**
 * @param headers of the message, which came with a live ticket and so from Kong
 * @param relayHost as Kong was told it; the `Host` that Kong sends unless a later plugin wanted another
 */
export function deliveredRequest(
  message: IncomingMessage,
  headers: HeaderRecord,
  relayHost: string,
): DeliveredRequest {
  const said = (name: string) => firstHeader(headers, name) ?? ''
  const [path, rawQuery] = splitQuery(message.url ?? '/')
  const scheme = said('x-forwarded-proto') || 'http'
  const host = said('x-forwarded-host')
  const port = Number(said('x-forwarded-port')) || (scheme === 'https' ? 443 : 80)
  const clientPath = said('x-forwarded-path').split('?')[0] || path
  const ip = said('x-real-ip')
  const clientHeaders = keepHeaders(headers, (name) => !KONGS_HEADERS.has(name))
  if (host !== '') clientHeaders.host = host
  const isRelays = headers.host === relayHost
  // Wanted only where no plugin says where the request goes.
  const onwardHeaders = () =>
    keepHeaders(headers, (name) => name !== TICKET_HEADER && !(isRelays && name === 'host'))
  const remotePort = 0
  const prefix = said('x-forwarded-prefix')
  return {
    facts: {
      scheme,
      host,
      port,
      rawPath: clientPath,
      path: normalizePath(clientPath) ?? clientPath,
      rawQuery,
      ip,
      remotePort,
      forwarded: { scheme, host, port, path: clientPath, prefix, ip, remotePort },
    },
    id: said('x-kong-request-id') || undefined,
    clientHeaders,
    onwardHeaders,
    path,
    rawQuery,
  }
}

/** What of a Service the relay can do itself. */
interface ServiceEntity {
  protocol?: unknown
  host?: unknown
  port?: unknown
  connect_timeout?: unknown
  read_timeout?: unknown
  tls_verify?: unknown
  client_certificate?: unknown
}

/**
 * The request that Kong would have sent to the Service itself, for a plugin that changes answers and no targets.
 *
 * @throws Error where only Kong can make the connection
 */
export function serviceUpstream(
  service: ServiceEntity,
  { path, rawQuery, onwardHeaders }: DeliveredRequest,
  method: string,
): UpstreamRequest {
  if (service.client_certificate !== undefined && service.client_certificate !== null) {
    throw new Error(
      "the Service's client_certificate is known to Kong alone: a filter plugin cannot run here",
    )
  }
  const scheme = service.protocol === 'https' ? 'https' : 'http'
  const host = String(service.host)
  const port = Number(service.port)
  const headers = endToEndHeaders(onwardHeaders())
  headers.host ??= port === (scheme === 'https' ? 443 : 80) ? host : `${host}:${port}`
  const readTimeout = milliseconds(service.read_timeout)
  return {
    scheme,
    host,
    port,
    method,
    path,
    rawQuery,
    headers,
    body: undefined,
    timeouts: { connect: milliseconds(service.connect_timeout), headers: readTimeout, idle: readTimeout },
    tlsVerify: service.tls_verify === true,
  }
}

/** Kong's default of each of a Service's time-outs. */
function milliseconds(value: unknown): number {
  return typeof value === 'number' ? value : 60_000
}

function splitQuery(url: string): [path: string, query: string] {
  const mark = url.indexOf('?')
  return mark < 0 ? [url, ''] : [url.slice(0, mark), url.slice(mark + 1)]
}
