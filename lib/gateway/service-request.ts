import type { UpstreamRequest } from '../pdk/exchange.js'
import { endToEndHeaders, firstHeader } from '../pdk/headers.js'
import type { IncomingRequest } from '../runtime/incoming-request.js'
import { SERVER_TOKEN } from '../runtime/kong-answers.js'
import type { Service } from './entities.js'
import { escapePath, upstreamPath } from './path.js'
import type { RouteMatch } from './router.js'

/** The request that Kong's proxying makes of a client's: what plain routes send, and what plugins start from. */
export function serviceRequest(
  request: IncomingRequest,
  requestId: string,
  service: Service,
  { route, stripped }: RouteMatch,
): UpstreamRequest {
  const headers = endToEndHeaders(request.headers)
  const { ip, forwarded } = request
  const before = firstHeader(headers, 'x-forwarded-for')
  if (!route.preserve_host) headers['host'] = hostHeader(service)
  headers['via'] = `1.1 ${SERVER_TOKEN}`
  headers['x-forwarded-for'] = before ? `${before}, ${ip}` : ip
  headers['x-forwarded-proto'] = forwarded.scheme
  headers['x-forwarded-host'] = forwarded.host
  headers['x-forwarded-port'] = String(forwarded.port)
  headers['x-forwarded-path'] = forwarded.path
  if (stripped !== undefined && stripped !== '/') headers['x-forwarded-prefix'] = escapePath(stripped)
  headers['x-real-ip'] = forwarded.ip
  headers['x-kong-request-id'] = requestId
  return {
    scheme: service.protocol,
    host: service.host,
    port: service.port,
    method: request.method,
    path: upstreamPath(service.path, request.path, stripped),
    rawQuery: request.rawQuery,
    headers,
    body: undefined,
    timeouts: {
      connect: service.connect_timeout,
      headers: service.read_timeout,
      idle: service.read_timeout,
    },
    tlsVerify: service.tls_verify ?? false,
  }
}

function hostHeader({ protocol, host, port }: Service): string {
  return port === (protocol === 'https' ? 443 : 80) ? host : `${host}:${port}`
}
