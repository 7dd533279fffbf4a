import { appendHeader, emptyHeaders, emptyRecord, firstHeader, type HeaderRecord } from './headers.js'
import { expectType, luaType } from './lua.js'
import { PdkError } from './method.js'

/** What a header may be set to. An array becomes several header lines; an empty one removes the header. */
export type HeaderValue = string | number | boolean | readonly string[]

/** Names to lists of values: how Kong hands `getHeaders` and `getQuery` to plugins outside its Lua. */
export type MultiMap = Record<string, string[]>

/** Underscores for dashes. */
export function dashed(lower: string): string {
  return lower.includes('_') ? lower.replaceAll('_', '-') : lower
}

/** The first value of a header, any case, underscores for dashes; undefined if it is absent. */
export function readHeader(headers: HeaderRecord, name: string): string | undefined {
  expectType(name, 'string', 'header name')
  const lower = name.toLowerCase()
  let value = firstHeader(headers, lower)
  if (value === undefined && lower.includes('_')) value = firstHeader(headers, dashed(lower))
  return value === undefined ? undefined : fromWire(value)
}

/** The first value of the first of these headers that there is. Names are in lower case. */
export function findHeader(headers: HeaderRecord, names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = firstHeader(headers, name)
    if (value !== undefined) return fromWire(value)
  }
  return undefined
}

/** The first `max` header lines. */
export function readHeaders(headers: HeaderRecord, max: number): MultiMap {
  const all = emptyRecord<string[]>()
  let left = max
  for (const name of Object.keys(headers)) {
    if (left <= 0) break
    const value = headers[name]!
    const lines = Array.isArray(value) ? value.slice(0, left).map(fromWire) : [fromWire(value)]
    left -= lines.length
    all[name] = lines
  }
  return all
}

export function checkHeader(name: unknown, value: unknown): void {
  check(name, value, 'array of string, string, number or boolean')
}

export function checkHeaders(headers: object): void {
  expectType(headers, 'table', 'headers')
  for (const [name, value] of Object.entries(headers)) {
    check(name, value, 'string, number, boolean or array of strings')
  }
}

function check(name: unknown, value: unknown, expected: string): void {
  if (typeof name !== 'string') {
    throw new PdkError(`invalid header name ${quoted(name)}: got ${luaType(name)}, expected string`)
  }
  if (Array.isArray(value)) {
    for (const item of value) {
      if (typeof item !== 'string') {
        throw new PdkError(
          `invalid header value in array ${quoted(name)}: got ${luaType(item)}, expected string`,
        )
      }
    }
  } else if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
    throw new PdkError(
      `invalid header value for ${quoted(name)}: got ${luaType(value)}, expected ${expected}`,
    )
  }
}

function quoted(name: unknown): string {
  return JSON.stringify(String(name))
}

/** `name` is lower case; name and value have been checked. */
export function setHeader(headers: HeaderRecord, name: string, value: HeaderValue): void {
  if (typeof value !== 'object') headers[name] = toWire(String(value))
  else if (value.length === 0) delete headers[name]
  else headers[name] = value.map(toWire)
}

/** Headers that many answers get: checked and put in the form of the wire once. */
export class PreparedHeaders {
  readonly #headers = emptyHeaders()

  constructor(values: Readonly<Record<string, string>>) {
    checkHeaders(values)
    for (const [name, value] of Object.entries(values)) {
      setHeader(this.#headers, dashed(name.toLowerCase()), value)
    }
  }

  setIn(headers: HeaderRecord): void {
    Object.assign(headers, this.#headers)
  }
}

export function addHeader(headers: HeaderRecord, name: string, value: HeaderValue): void {
  for (const line of typeof value === 'object' ? value : [String(value)]) {
    appendHeader(headers, name, toWire(line))
  }
}

/** Header strings are bytes on the wire (one character each) and UTF-8 text for plugins. Control characters are escaped, as in nginx. */
function toWire(text: string): string {
  if (VISIBLE.test(text)) return text
  const escaped = text.replace(
    CONTROL,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  )
  return NOT_ASCII.test(escaped) ? Buffer.from(escaped).toString('latin1') : escaped
}

/** Bytes that are no UTF-8 stay one character each. */
function fromWire(value: string): string {
  if (!NOT_ASCII.test(value)) return value
  const text = Buffer.from(value, 'latin1').toString()
  return text.includes('\uFFFD') ? value : text
}

const VISIBLE = /^[\t\x20-\x7e]*$/
const CONTROL = /[\0-\x08\n-\x1f\x7f]/g
const NOT_ASCII = /[^\0-\x7f]/
