import { escaped } from '../llm/formats/escaped.js'
import type { HeaderRecord } from '../pdk/headers.js'
import { isSecretHeader, REDACTED } from './redact.js'

/** What a header's name says, worked out once. */
interface HeaderName {
  /** Of a member of a JSON object, behind another one: `,"name":"`. */
  readonly start: string
  readonly isSecret: boolean
}

/** Clients send any names, of any length. */
const MAX_NAMES = 500
const MAX_CHARS = 50
const NAMES = new Map<string, HeaderName>()

/**
 * JSON of headers without credentials.
 *
 * @param named headers that are known to hold one
 */
export function headersText(headers: HeaderRecord, named: ReadonlySet<string>): string {
  let text = ''
  for (const name in headers) {
    const { start, isSecret } = nameOf(name)
    const value = isSecret || (named.size > 0 && named.has(name)) ? REDACTED : headers[name]!
    const lead = text === '' ? `{${start.slice(1)}` : start
    text +=
      typeof value === 'string' ? `${lead}${escaped(value)}"` : lead.slice(0, -1) + JSON.stringify(value)
  }
  return text === '' ? '{}' : `${text}}`
}

function nameOf(name: string): HeaderName {
  const known = NAMES.get(name)
  if (known) return known
  const unknown = { start: `,${JSON.stringify(name)}:"`, isSecret: isSecretHeader(name) }
  if (NAMES.size < MAX_NAMES && name.length <= MAX_CHARS) NAMES.set(name, unknown)
  return unknown
}
