/**
 * HTTP headers: lower-case names without a prototype, so that no name from the network meets `Object.prototype`.
 * A repeated header is an array in the order it came. What `node:http` takes as it is.
 */
export type HeaderRecord = Record<string, string | string[]>

/** From Node's flat list of names and values. */
export function headersOf(raw: readonly (string | Buffer)[]): HeaderRecord {
  const headers = emptyHeaders()
  for (let i = 0; i + 1 < raw.length; i += 2) {
    appendHeader(headers, raw[i]!.toString().toLowerCase(), raw[i + 1]!.toString('latin1'))
  }
  return headers
}

export function emptyHeaders(): HeaderRecord {
  const headers: HeaderRecord = Object.create(null)
  return headers
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

/** The first value, as Kong's `get_header` gives it. */
export function firstHeader(headers: HeaderRecord, name: string): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value[0] : value
}

/** Headers of one hop (RFC 9110 §7.6.1), which no proxy passes on; those that `connection` names join them. */
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]

export function dropHopByHop(headers: HeaderRecord): void {
  const connection = headers.connection
  if (connection !== undefined) {
    for (const name of String(connection).split(',')) delete headers[name.trim().toLowerCase()]
  }
  for (const name of HOP_BY_HOP) delete headers[name]
}
