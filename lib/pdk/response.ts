import { bodyBytes } from './body.js'
import type { ClientResponse } from './exchange.js'
import {
  addHeader,
  checkHeader,
  checkHeaders,
  dashed,
  type HeaderValue,
  type MultiMap,
  type PreparedHeaders,
  readHeader,
  readHeaders,
  setHeader,
} from './header-values.js'
import { emptyHeaders, keepHeaders, type HeaderRecord } from './headers.js'
import { logLine } from './log.js'
import { checkLimit, expectType } from './lua.js'
import {
  accessAndFilters,
  afterUpstream,
  filters,
  PdkError,
  read,
  type Scope,
  untilCommitted,
  write,
} from './method.js'
import { errorMessage } from './response-messages.js'

/** A body of our own making: bytes, text, or anything else as JSON. */
export type ExitBody = string | Uint8Array | object

/** `kong.response`: the client's answer. https://docs.konghq.com/gateway/latest/plugin-development/pdk/kong.response/ */
export const response = {
  getStatus: read(afterUpstream, ({ exchange }) => exchange.response.status),
  /** The first value, any case, underscores for dashes; undefined if absent. */
  getHeader: read(afterUpstream, ({ exchange }, name: string) => readHeader(exchange.response.headers, name)),
  /** The first `maxHeaders` (100) header lines; every value is a list. */
  getHeaders: read(afterUpstream, ({ exchange }, maxHeaders?: number): MultiMap =>
    readHeaders(exchange.response.headers, checkLimit(maxHeaders, 'max_headers')),
  ),
  /** `service` (the upstream answered), `exit` (a plugin did) or `error`. */
  getSource: read(afterUpstream, ({ exchange }) => exchange.response.source),
  setStatus: write(untilCommitted, (scope, status: number): void => {
    const response = uncommitted(scope)
    checkStatus(status, 100)
    response.status = status
  }),
  /** Underscores in the name become dashes, as everywhere below. */
  setHeader: write(untilCommitted, (scope, name: string, value: HeaderValue): void => {
    const { headers } = uncommitted(scope)
    checkHeader(name, value)
    setAllowed(scope, headers, name, value)
  }),
  addHeader: write(untilCommitted, (scope, name: string, value: HeaderValue): void => {
    const { headers } = uncommitted(scope)
    checkHeader(name, value)
    addHeader(headers, dashed(name.toLowerCase()), value)
  }),
  clearHeader: write(untilCommitted, (scope, name: string): void => {
    const { headers } = uncommitted(scope)
    expectType(name, 'string', 'header name')
    delete headers[dashed(name.toLowerCase())]
  }),
  /** Ours: takes out of the answer the headers that the upstream sent, but for those that `keep` wants. Names are in lower case. */
  clearServiceHeaders: write(filters, (scope, keep: (name: string) => boolean): void => {
    const response = uncommitted(scope)
    const sent = scope.exchange.serviceResponse?.headers ?? {}
    response.headers = keepHeaders(response.headers, (name) => sent[name] === undefined || keep(name))
  }),
  setHeaders: write(untilCommitted, (scope, values: Record<string, HeaderValue>): void => {
    const { headers } = uncommitted(scope)
    checkHeaders(values)
    for (const [name, value] of Object.entries(values)) setAllowed(scope, headers, name, value)
  }),
  /** Ours: the same for headers that have been prepared for many answers. */
  setPreparedHeaders: write(filters, (scope, prepared: PreparedHeaders): void => {
    prepared.setIn(uncommitted(scope).headers)
  }),
  /**
   * Ends the phase with an answer of our own. An object goes out as JSON, with its content type unless `headers` has one; no body
   * at all is an empty one. Code after it still runs, but changes nothing any more.
   */
  exit: write(
    untilCommitted,
    (scope, status: number, body?: ExitBody | null, headers?: Record<string, HeaderValue> | null): void => {
      uncommitted(scope)
      checkStatus(status, 100)
      const checked = exitHeaders(scope, headers)
      if (body === undefined || body === null) return exit(scope, status, undefined, checked)
      if (typeof body === 'string' || body instanceof Uint8Array) {
        return exit(scope, status, bodyBytes(body), checked)
      }
      if (typeof body !== 'object') throw new PdkError('body must be a nil, string or table')
      checked['content-type'] ??= JSON_TYPE
      return exit(scope, status, JSON.stringify(body), checked)
    },
  ),
  /**
   * Ends the phase with an error in Kong's words and shape, always as JSON. An object as message stays one (a real Kong writes
   * its JSON between quotes).
   */
  error: write(
    untilCommitted,
    (scope, status: number, message?: string | object, headers?: Record<string, HeaderValue>): void => {
      uncommitted(scope)
      checkStatus(status, 400)
      if (!['undefined', 'string', 'object'].includes(typeof message)) {
        throw new PdkError('message must be a nil, a string or a table')
      }
      const text = JSON.stringify(message ?? errorMessage(status))
      const body = `{\n  "message":${text},\n  "request_id":"${scope.exchange.id}"\n}`
      exit(scope, status, body, { ...exitHeaders(scope, headers), 'content-type': JSON_TYPE })
    },
  ),
  /** Ours: whether the upstream's body is collected before any of it is filtered (`enableBuffering`, a `response` phase). */
  isBuffered: read(accessAndFilters, ({ exchange }) => exchange.buffered),
  /**
   * Ours: runs the body filters with an empty chunk in `ms` from now, also while the upstream has not answered yet. One timer an
   * exchange: the last call counts.
   */
  flushAfter: write(accessAndFilters, ({ exchange }, ms: number): void => exchange.flushAfter(ms)),
}

const JSON_TYPE = 'application/json; charset=utf-8'

function uncommitted({ exchange }: Scope): ClientResponse {
  if (exchange.response.committed) throw new PdkError('headers have already been sent')
  return exchange.response
}

function checkStatus(status: unknown, min: number): asserts status is number {
  expectType(status, 'number', 'code')
  if (Number(status) < min || Number(status) > 599) {
    throw new PdkError(`code must be a number between ${min} and 599`)
  }
}

function exitHeaders(scope: Scope, headers: Record<string, HeaderValue> | null | undefined): HeaderRecord {
  const checked = emptyHeaders()
  if (headers === undefined || headers === null) return checked
  if (typeof headers !== 'object') throw new PdkError('headers must be a nil or table')
  checkHeaders(headers)
  for (const [name, value] of Object.entries(headers)) setAllowed(scope, checked, name, value)
  return checked
}

function setAllowed(scope: Scope, headers: HeaderRecord, name: string, value: HeaderValue): void {
  const lower = dashed(name.toLowerCase())
  if (lower === 'transfer-encoding') logLine(scope, 'warn', 'manually setting Transfer-Encoding. Ignored.')
  else setHeader(headers, lower, value)
}

/** 204 and 304 say nothing about a length (RFC 9110 §8.6). */
function exit(scope: Scope, status: number, body: Buffer | string | undefined, headers: HeaderRecord): void {
  if (status !== 204 && status !== 304) {
    headers['content-length'] ??= String(body === undefined ? 0 : Buffer.byteLength(body))
  }
  scope.exitedIn = scope.exchange.phase
  scope.exchange.exit(status, body, headers)
}
