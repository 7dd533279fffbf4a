import { type ArgumentValues, encodeArguments } from './arguments.js'
import { bodyBytes, encodeBody } from './body.js'
import type { UpstreamRequest } from './exchange.js'
import {
  addHeader,
  checkHeader,
  checkHeaders,
  type HeaderValue,
  readHeader,
  setHeader,
} from './header-values.js'
import { expectType } from './lua.js'
import { beforeUpstream, PdkError, unavailable, write } from './method.js'

const METHODS = new Set([
  'GET',
  'HEAD',
  'PUT',
  'POST',
  'DELETE',
  'OPTIONS',
  'MKCOL',
  'COPY',
  'MOVE',
  'PROPFIND',
  'PROPPATCH',
  'LOCK',
  'UNLOCK',
  'PATCH',
  'TRACE',
])

/** `kong.service.request`: the request to the upstream. https://docs.konghq.com/gateway/latest/plugin-development/pdk/kong.service.request/ */
export const serviceRequest = {
  /** Collects the upstream's answer before any of it goes on. A `response` phase does so by itself. */
  enableBuffering: write(beforeUpstream, ({ exchange }): void => {
    exchange.buffered = true
  }),
  /** The port stays as it is. */
  setScheme: write(beforeUpstream, ({ exchange }, scheme: 'http' | 'https'): void => {
    expectType(scheme, 'string', 'scheme')
    if (scheme !== 'http' && scheme !== 'https') throw new PdkError(`invalid scheme: ${String(scheme)}`)
    exchange.upstream.scheme = scheme
  }),
  /** Blanks, non-ASCII and other unsafe characters are percent-encoded. `%`, `?` and `#` are not: escape what comes from outside. */
  setPath: write(beforeUpstream, ({ exchange }, path: string): void => {
    expectType(path, 'string', 'path')
    if (!path.startsWith('/')) throw new PdkError('path must start with /')
    exchange.upstream.path = percentEncode(path, UNSAFE_IN_PATH)
  }),
  /** Without the question mark. */
  setRawQuery: write(beforeUpstream, ({ exchange }, query: string): void => {
    expectType(query, 'string', 'query')
    exchange.upstream.rawQuery = percentEncode(query, UNSAFE_IN_QUERY)
  }),
  /** Replaces the query. Arguments are sorted by name; true gives a name without a value, a list a repeated one. */
  setQuery: write(beforeUpstream, ({ exchange }, args: ArgumentValues): void => {
    expectType(args, 'table', 'args')
    exchange.upstream.rawQuery = encodeArguments(args)
  }),
  setMethod: write(beforeUpstream, ({ exchange }, method: string): void => {
    expectType(method, 'string', 'method')
    if (!METHODS.has(method)) throw new PdkError(`invalid method: ${method}`)
    exchange.upstream.method = method
  }),
  setHeader: write(beforeUpstream, ({ exchange }, name: string, value: HeaderValue): void => {
    checkHeader(name, value)
    setHeader(exchange.upstream.headers, name.toLowerCase(), value)
  }),
  addHeader: write(beforeUpstream, ({ exchange }, name: string, value: HeaderValue): void => {
    checkHeader(name, value)
    addHeader(exchange.upstream.headers, name.toLowerCase(), value)
  }),
  clearHeader: write(beforeUpstream, ({ exchange }, name: string): void => {
    expectType(name, 'string', 'header')
    delete exchange.upstream.headers[name.toLowerCase()]
  }),
  setHeaders: write(beforeUpstream, ({ exchange }, headers: Record<string, HeaderValue>): void => {
    checkHeaders(headers)
    for (const [name, value] of Object.entries(headers)) {
      setHeader(exchange.upstream.headers, name.toLowerCase(), value)
    }
  }),
  setRawBody: write(beforeUpstream, ({ exchange }, body: string | Uint8Array): void => {
    setBody(exchange.upstream, bodyBytes(body))
  }),
  /** Encodes `args` by `mimeType` or the request's content type. Gives true; undefined if there is neither. */
  setBody: write(
    beforeUpstream,
    ({ exchange: { upstream } }, args: object, mimeType?: string): true | undefined => {
      expectType(args, 'table', 'args')
      if (mimeType !== undefined) expectType(mimeType, 'string', 'mime')
      const wanted = mimeType ?? readHeader(upstream.headers, 'content-type')
      if (wanted === undefined) return undefined
      const { body, type } = encodeBody(args, wanted)
      setBody(upstream, body)
      upstream.headers['content-type'] = type
      return true
    },
  ),
  disableTls: unavailable("see kong.service.request.setScheme('http')"),
}

function setBody(upstream: UpstreamRequest, body: Buffer | string): void {
  upstream.body = body
  upstream.headers['content-length'] = String(Buffer.byteLength(body))
  delete upstream.headers['transfer-encoding']
}

const UNSAFE_IN_PATH = /[^!#$&'()*+,/:;=?@[\]A-Za-z0-9\-_.~%]+/g
const UNSAFE_IN_QUERY = /[^\x21-\x7e]+/g

function percentEncode(text: string, unsafe: RegExp): string {
  return text.replace(unsafe, (run) => Buffer.from(run).toString('hex').toUpperCase().replace(/../g, '%$&'))
}
