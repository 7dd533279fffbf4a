import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { firstHeader, type HeaderRecord } from '../pdk/headers.js'
import type { RequestFacts } from '../runtime/incoming-request.js'
import { normalizePath } from '../runtime/normalize-path.js'
import { splitHost } from './patterns.js'

/** What is the same for all requests of a connection. */
interface Peer {
  readonly scheme: 'http' | 'https'
  readonly ip: string
  readonly remotePort: number
  /** The port that they come in by, as nginx's $server_port, and not that of the Host header. */
  readonly port: number
}

const peerKey = Symbol('peer')

function peerOf(socket: Socket & { [peerKey]?: Peer }): Peer {
  return (socket[peerKey] ??= {
    scheme: (socket as TLSSocket).encrypted ? 'https' : 'http',
    ip: (socket.remoteAddress ?? '').replace(/^::ffff:/, ''),
    remotePort: socket.remotePort ?? 0,
    port: socket.localPort ?? 0,
  })
}

/**
 * What a request says of where it wants to go. No peer is trusted, as with Kong's default `trusted_ips`: a client's own
 * `X-Forwarded-*` change nothing.
 *
 * @param headers the message's
 * @returns undefined where it cannot be meant, or could be read in two ways: the answer is a 400
 */
export function requestFacts(message: IncomingMessage, headers: HeaderRecord): RequestFacts | undefined {
  if (!isPlain(message, headers)) return undefined
  const [target, rawPath, rawQuery] = splitTarget(message.url ?? '/')
  const path = normalizePath(rawPath)
  if (path === undefined) return undefined
  const { scheme, ip, remotePort, port } = peerOf(message.socket)
  const host = splitHost(target ?? firstHeader(headers, 'host') ?? '').name
  const forwarded = { scheme, host, port, path: rawPath, prefix: '', ip, remotePort }
  return { scheme, host, port, rawPath, path, rawQuery, ip, remotePort, forwarded }
}

/**
 * Whether everybody on the way reads the request alike: one host (RFC 9112 §3.2), no other transfer coding than chunked
 * (§6.1), and that in HTTP/1.1 alone.
 */
function isPlain({ httpVersion }: IncomingMessage, headers: HeaderRecord): boolean {
  const isCurrent = httpVersion === '1.1'
  if (!isCurrent && httpVersion !== '1.0') return false
  const { host, 'transfer-encoding': coding } = headers
  if (host === undefined ? isCurrent : Array.isArray(host)) return false
  return coding === undefined || (isCurrent && String(coding).toLowerCase() === 'chunked')
}

/** The parts of a request target in origin-form or absolute-form (RFC 9112 §3.2): host, path, query. */
function splitTarget(url: string): [host: string | undefined, path: string, query: string] {
  const absolute = url.startsWith('/') ? null : /^https?:\/\/([^/?#]*)(.*)$/i.exec(url)
  const [host, rest] = absolute ? [absolute[1], absolute[2]!] : [undefined, url]
  const mark = rest.indexOf('?')
  const path = mark < 0 ? rest : rest.slice(0, mark)
  return [host, path === '' ? '/' : path, mark < 0 ? '' : rest.slice(mark + 1)]
}
