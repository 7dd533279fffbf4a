import { Readable } from 'node:stream'
import type { UpstreamRequest } from '../../pdk/exchange.js'
import { firstHeader } from '../../pdk/headers.js'
import { MessageFault } from './message-fault.js'
import { LENGTH, NOT_IN_VALUE, TOKEN } from './syntax.js'

/** A request as it goes out. */
export interface RequestMessage {
  readonly method: string
  /** Request line and headers, with them the body if it is ASCII text. To be written as latin1. */
  readonly head: string
  /** What follows. */
  readonly body: Buffer | Readable | undefined
  /** Bytes of a streamed body; `undefined`: in chunks. */
  readonly length: number | undefined
  /** The connection can take another request after this one. */
  readonly persistent: boolean
}

/** What of a request's target may be told in a request line (RFC 9112 §3.2.1). Bytes beyond ASCII pass, as clients send them. */
const PATH = /^\/[\x21-\x7e\x80-\xff]*$/

/** Methods that say a length even of nothing (RFC 9110 §8.6). */
const EXPECTS_BODY = new Set(['POST', 'PUT', 'PATCH'])
/** A server that knows no body for these might take it for the next request. */
const EXPECTS_NO_BODY = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])

/** Headers that speak of one connection or of how a message is framed (RFC 9110 §7.6.1, §8.6, §10.1.1). Written here alone. */
const OWN_HEADERS = new Set([
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'keep-alive',
  'proxy-connection',
  'upgrade',
  'expect',
  'te',
  'trailer',
])

/**
 * A hot path: once a request.
 *
 * @throws MessageFault where it holds what no HTTP message may hold
 */
export function requestMessage(
  request: UpstreamRequest,
  body: Buffer | string | Readable | null,
): RequestMessage {
  const { method } = request
  const isEmpty = body === null || ((typeof body === 'string' || Buffer.isBuffer(body)) && body.length === 0)
  // Some servers send a body after a HEAD.
  const persistent = method !== 'HEAD' && (isEmpty || !EXPECTS_NO_BODY.has(method))
  const head = requestHead(request, persistent)
  if (body instanceof Readable && (body.readableDidRead || body.destroyed)) {
    throw new MessageFault('the request body has been read already')
  }
  if (isEmpty) {
    const end = EXPECTS_BODY.has(method) ? 'content-length: 0\r\n\r\n' : '\r\n'
    return { method, head: head + end, body: undefined, length: undefined, persistent }
  }
  if (typeof body === 'string') {
    const length = Buffer.byteLength(body)
    const whole = `${head}content-length: ${length}\r\n\r\n`
    return length === body.length
      ? { method, head: whole + body, body: undefined, length, persistent }
      : { method, head: whole, body: Buffer.from(body), length, persistent }
  }
  const length = Buffer.isBuffer(body) ? body.length : declaredLength(request)
  const framing = length === undefined ? 'transfer-encoding: chunked' : `content-length: ${length}`
  return { method, head: `${head}${framing}\r\n\r\n`, body, length, persistent }
}

/** RFC 9110 §9.2.2. */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])

/**
 * Whether the request may be sent a second time though the first one may have been acted upon. By its method, or as the client says with
 * an `Idempotency-Key`, which is what Go's client goes by.
 */
export function isRepeatable({ headers }: UpstreamRequest, { method, body }: RequestMessage): boolean {
  return !(body instanceof Readable) && (IDEMPOTENT.has(method) || headers['idempotency-key'] !== undefined)
}

function requestHead(request: UpstreamRequest, persistent: boolean): string {
  const { method, path, rawQuery, headers } = request
  const target = rawQuery === '' ? path : `${path}?${rawQuery}`
  if (!TOKEN.test(method) || method === 'CONNECT') throw new MessageFault('invalid request method')
  if (!PATH.test(target)) throw new MessageFault('invalid request path')
  const host = hostHeader(request)
  checkValue('host', host)
  let head = `${method} ${target} HTTP/1.1\r\nhost: ${host}\r\nconnection: ${persistent ? 'keep-alive' : 'close'}\r\n`
  for (const name in headers) {
    if (OWN_HEADERS.has(name)) continue
    if (!TOKEN.test(name)) throw new MessageFault('invalid header name')
    const value = headers[name]!
    if (typeof value === 'string') {
      checkValue(name, value)
      head += `${name}: ${value}\r\n`
    } else {
      for (const one of value) {
        checkValue(name, one)
        head += `${name}: ${one}\r\n`
      }
    }
  }
  return head
}

function checkValue(name: string, value: string): void {
  if (NOT_IN_VALUE.test(value)) throw new MessageFault(`invalid ${name} header`)
}

const DEFAULT_PORTS = { http: 80, https: 443 }

/** RFC 9112 §3.2: exactly one. */
function hostHeader({ scheme, host, port, headers }: UpstreamRequest): string {
  if (Array.isArray(headers['host']) && headers['host'].length > 1)
    throw new MessageFault('duplicate host header')
  const given = firstHeader(headers, 'host')
  if (given !== undefined) return given
  const name = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
  return port === DEFAULT_PORTS[scheme] ? name : `${name}:${port}`
}

/** What the client said of the body that is streamed on. */
function declaredLength({ headers }: UpstreamRequest): number | undefined {
  const length = headers['content-length']
  if (length === undefined) return undefined
  if (typeof length !== 'string' || !LENGTH.test(length))
    throw new MessageFault('invalid content-length header')
  return Number(length)
}
