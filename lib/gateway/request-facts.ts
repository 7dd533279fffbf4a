import type { IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'
import type { RequestFacts } from '../runtime/incoming-request.js'
import { normalizePath } from '../runtime/normalize-path.js'
import { splitHost } from './patterns.js'

/**
 * What a request says of where it wants to go. No peer is trusted, as with Kong's default `trusted_ips`: a client's own
 * `X-Forwarded-*` change nothing.
 *
 * @returns undefined where it cannot be meant, or could be read in two ways: the answer is a 400
 */
export function requestFacts(message: IncomingMessage): RequestFacts | undefined {
  const { socket } = message
  const [target, rawPath, rawQuery] = splitTarget(message.url ?? '/')
  const path = normalizePath(rawPath)
  if (path === undefined || !isPlain(message)) return undefined
  const scheme = (socket as TLSSocket).encrypted ? 'https' : 'http'
  const { name } = splitHost(target ?? message.headers.host ?? '')
  const ip = (socket.remoteAddress ?? '').replace(/^::ffff:/, '')
  const port = socket.localPort ?? 0
  return {
    scheme,
    host: name,
    // The port that the request came in by, as nginx's $server_port, and not that of the Host header.
    port,
    rawPath,
    path,
    rawQuery,
    ip,
    remotePort: socket.remotePort ?? 0,
    forwarded: {
      scheme,
      host: name,
      port,
      path: rawPath,
      prefix: '',
      ip,
      remotePort: socket.remotePort ?? 0,
    },
  }
}

/**
 * Whether everybody on the way reads the request alike: one host (RFC 9112 §3.2), no other transfer coding than chunked
 * (§6.1), and that in HTTP/1.1 alone.
 */
function isPlain({ httpVersion, rawHeaders, headers }: IncomingMessage): boolean {
  const isCurrent = httpVersion === '1.1'
  if (!isCurrent && httpVersion !== '1.0') return false
  let hosts = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++
  }
  if (hosts > 1 || (hosts === 0 && isCurrent)) return false
  const coding = headers['transfer-encoding']
  return coding === undefined || (isCurrent && coding.toLowerCase() === 'chunked')
}

/** The parts of a request target in origin-form or absolute-form (RFC 9112 §3.2): host, path, query. */
function splitTarget(url: string): [host: string | undefined, path: string, query: string] {
  const absolute = url.startsWith('/') ? null : /^https?:\/\/([^/?#]*)(.*)$/i.exec(url)
  const [host, rest] = absolute ? [absolute[1], absolute[2]!] : [undefined, url]
  const mark = rest.indexOf('?')
  const path = mark < 0 ? rest : rest.slice(0, mark)
  return [host, path === '' ? '/' : path, mark < 0 ? '' : rest.slice(mark + 1)]
}
