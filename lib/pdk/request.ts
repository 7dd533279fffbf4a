import { decodeArguments, multiMap } from './arguments.js'
import { decodeBody } from './body.js'
import { hold } from './held-bytes.js'
import { type MultiMap, readHeader, readHeaders } from './header-values.js'
import { checkLimit, expectType } from './lua.js'
import { anyPhase, read, type Scope, whileBodyIsRead } from './method.js'
import { type RawBody, rawBody } from './raw-body.js'

/** `kong.request`: the client's request. https://docs.konghq.com/gateway/latest/plugin-development/pdk/kong.request/ */
export const request = {
  getScheme: read(anyPhase, ({ exchange }) => exchange.request.scheme),
  getHost: read(anyPhase, ({ exchange }) => exchange.request.host),
  getPort: read(anyPhase, ({ exchange }) => exchange.request.port),
  getForwardedScheme: read(anyPhase, ({ exchange }) => exchange.request.forwarded.scheme),
  getForwardedHost: read(anyPhase, ({ exchange }) => exchange.request.forwarded.host),
  getForwardedPort: read(anyPhase, ({ exchange }) => exchange.request.forwarded.port),
  getForwardedPath: read(anyPhase, ({ exchange }) => exchange.request.forwarded.path),
  /** The part of the path that `strip_path` took away. */
  getForwardedPrefix: read(anyPhase, ({ exchange }) => exchange.request.forwarded.prefix),
  /** 1, 1.1 or 2. */
  getHttpVersion: read(anyPhase, ({ exchange }) => Number(exchange.request.httpVersion)),
  getMethod: read(anyPhase, ({ exchange }) => exchange.request.method),
  /** Normalised, without the query. */
  getPath: read(anyPhase, ({ exchange }) => exchange.request.path),
  /** As sent, without the query. */
  getRawPath: read(anyPhase, ({ exchange }) => exchange.request.rawPath),
  getPathWithQuery: read(anyPhase, ({ exchange: { request } }) =>
    request.rawQuery === '' ? request.rawPath : `${request.rawPath}?${request.rawQuery}`,
  ),
  /** Without the question mark; `''` if there is none. */
  getRawQuery: read(anyPhase, ({ exchange }) => exchange.request.rawQuery),
  /** The first value of a query argument; true if it has none, undefined if it is absent. */
  getQueryArg: read(anyPhase, ({ exchange }, name: string): string | true | undefined => {
    expectType(name, 'string', 'query argument name')
    const value = decodeArguments(exchange.request.rawQuery, 100)[name]
    return Array.isArray(value) ? value[0] : value
  }),
  /**
   * The query's first `maxArgs` (100) arguments. Every value is a list, an argument without a value is an empty one: what
   * kong-pdk plugins get from a real Kong, where Lua has strings and booleans too.
   */
  getQuery: read(anyPhase, ({ exchange }, maxArgs?: number): MultiMap =>
    multiMap(decodeArguments(exchange.request.rawQuery, checkLimit(maxArgs, 'max_args'))),
  ),
  /** The first value, any case, underscores for dashes; undefined if absent. */
  getHeader: read(anyPhase, ({ exchange }, name: string) => readHeader(exchange.request.headers, name)),
  /** The first `maxHeaders` (100) header lines. Every value is a list, as in {@link getQuery}. */
  getHeaders: read(anyPhase, ({ exchange }, maxHeaders?: number): MultiMap =>
    readHeaders(exchange.request.headers, checkLimit(maxHeaders, 'max_headers')),
  ),
  /**
   * The whole body, also as text: see {@link RawBody}. undefined if it is larger than `maxSize` bytes; without a size, or with
   * 0, there is no limit. (A real Kong refuses what its `client_body_buffer_size` does not hold, unless a size is given.)
   */
  getRawBody: read(whileBodyIsRead, async (scope: Scope, maxSize?: number): Promise<RawBody | undefined> => {
    const body = await readBody(scope, maxSize)
    if (!body) return undefined
    // The plugin may keep it for as long as it likes.
    hold(body)
    return rawBody(body)
  }),
  /**
   * The body parsed by its content type, or by `mimeType`: JSON, a form or a multipart form. undefined if it has another type, is
   * not valid, or larger than `maxSize` bytes.
   */
  getBody: read(
    whileBodyIsRead,
    async (scope: Scope, mimeType?: string, maxArgs?: number, maxSize?: number): Promise<unknown> => {
      const limit = checkLimit(maxArgs, 'max_args')
      const type = mimeType ?? readHeader(scope.exchange.request.headers, 'content-type')
      const body = await readBody(scope, maxSize)
      return body && decodeBody(body, type, limit)
    },
  ),
  /** Unix milliseconds. */
  getStartTime: read(anyPhase, ({ exchange }) => Math.floor(exchange.request.startTime)),
  /** Captures of the Route's regex path; of the unnamed ones, 0 is the whole match. */
  getUriCaptures: read(anyPhase, ({ exchange }) => exchange.captures),
}

function readBody({ exchange }: Scope, maxSize = 0): Promise<Buffer | undefined> {
  return exchange.request.readBody(Math.max(0, maxSize))
}
