import { KnownNames } from './known-names.js'

/**
 * HTTP headers: lower-case names without a prototype, so that no name from the network meets `Object.prototype`.
 * A repeated header is an array in the order it came. What `node:http` takes as it is.
 */
export type HeaderRecord = Record<string, string | string[]>

/** From Node's flat list of names and values. */
export function headersOf(raw: readonly (string | Buffer)[]): HeaderRecord {
  const headers = emptyHeaders()
  for (let i = 0; i + 1 < raw.length; i += 2) {
    appendHeader(headers, names.get(raw[i]!.toString()), raw[i + 1]!.toString('latin1'))
  }
  return headers
}

const names = new KnownNames((written) => written.toLowerCase())

/**
 * Its instances inherit nothing, as those of `Object.create(null)`, but V8 keeps them as objects with a shape and not as hash
 * tables: copying one is ten times quicker, and writing one as JSON twice. A `delete` undoes that: on the way of every request headers
 * are left out instead.
 */
const Bare = function () {} as unknown as { new <T>(): Record<string, T>; prototype: object }
Bare.prototype = Object.create(null)

/** A record for names from the network. */
export function emptyRecord<T>(): Record<string, T> {
  return new Bare<T>()
}

export function emptyHeaders(): HeaderRecord {
  return emptyRecord()
}

export function copyHeaders(headers: HeaderRecord): HeaderRecord {
  return Object.assign(emptyHeaders(), headers)
}

export function appendHeader(headers: HeaderRecord, name: string, value: string): void {
  const present = headers[name]
  if (present === undefined) headers[name] = value
  else if (Array.isArray(present)) headers[name] = [...present, value]
  else headers[name] = [present, value]
}

/** A copy with the headers that are wanted. */
export function keepHeaders(headers: HeaderRecord, isWanted: (name: string) => boolean): HeaderRecord {
  const kept = emptyHeaders()
  for (const name in headers) if (isWanted(name)) kept[name] = headers[name]!
  return kept
}

/** The first value, as Kong's `get_header` gives it. */
export function firstHeader(headers: HeaderRecord, name: string): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value[0] : value
}

/** Headers of one hop (RFC 9110 §7.6.1), which no proxy passes on; those that `connection` names join them. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/**
 * A copy without the headers of one hop.
 *
 * @param without another name that is left out
 */
export function endToEndHeaders(headers: HeaderRecord, without?: string): HeaderRecord {
  const { connection } = headers
  const options = connection === undefined || connection === 'keep-alive' ? undefined : optionsOf(connection)
  const kept = emptyHeaders()
  for (const name in headers) {
    if (HOP_BY_HOP.has(name) || name === without || options?.has(name)) continue
    kept[name] = headers[name]!
  }
  return kept
}

function optionsOf(connection: string | string[]): ReadonlySet<string> {
  const named = String(connection).toLowerCase().split(',')
  return new Set(named.map((name) => name.trim()))
}

/** The same for who needs no copy: most records have no such headers. */
export function onlyEndToEnd(headers: HeaderRecord): HeaderRecord {
  for (const name in headers) if (HOP_BY_HOP.has(name)) return endToEndHeaders(headers)
  return headers
}
