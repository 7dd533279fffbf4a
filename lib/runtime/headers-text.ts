import { escaped } from '../llm/formats/escaped.js'
import type { HeaderRecord } from '../pdk/headers.js'
import { KnownNames } from '../pdk/known-names.js'
import { isSecretHeader, REDACTED } from './redact.js'

/** By a header's name: whether it holds a credential, and how a member of a JSON object begins behind another one, `,"name":"`. */
const names = new KnownNames(
  (name) => ({ start: `,${JSON.stringify(name)}:"`, isSecret: isSecretHeader(name) }),
  500,
)

/**
 * JSON of headers without credentials.
 *
 * @param named headers that are known to hold one
 */
export function headersText(headers: HeaderRecord, named: ReadonlySet<string>): string {
  let text = ''
  for (const name in headers) {
    const { start, isSecret } = names.get(name)
    const value = isSecret || (named.size > 0 && named.has(name)) ? REDACTED : headers[name]!
    const lead = text === '' ? `{${start.slice(1)}` : start
    text +=
      typeof value === 'string' ? `${lead}${escaped(value)}"` : lead.slice(0, -1) + JSON.stringify(value)
  }
  return text === '' ? '{}' : `${text}}`
}
