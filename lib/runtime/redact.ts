import { isObject } from '../llm/json.js'
import { emptyRecord } from '../pdk/headers.js'

/** Headers that carry credentials, by their names. `x-ratelimit-remaining-tokens` is none. */
const SECRET_HEADER =
  /(?:authorization|cookie|api-?key|access-?key|token|secret|password|credential|ticket)$/i
/** Query arguments that do: some providers, and AWS's signed URLs, have them there. */
const SECRET_ARGUMENT = /(?:key|token|secret|password|signature|credential)$/i
/** An argument as it stands in a URI: what is before its value, its name, and the value. */
const ARGUMENT = /([?&]([^=&#]*)=)[^&#]*/g

/** Stands for the value of a credential, whose name stays. */
export const REDACTED = 'REDACTED'

/** Headers and query arguments that are known to hold a credential, in lower case. */
type Named = ReadonlySet<string>

export function isSecretHeader(name: string): boolean {
  return SECRET_HEADER.test(name)
}

function hidesHeader(name: string, named: Named): boolean {
  return isSecretHeader(name) || named.has(name.toLowerCase())
}

function hidesArgument(name: string, named: Named): boolean {
  return SECRET_ARGUMENT.test(name) || named.has(name.toLowerCase())
}

/** A copy of a log entry in Kong's shape without credentials. What had none it shares with the entry. */
export function redactedEntry(
  entry: Record<string, unknown>,
  named: Named = new Set(),
): Record<string, unknown> {
  const { request, response, upstream_uri } = entry
  const copy = { ...entry }
  if (typeof upstream_uri === 'string') copy.upstream_uri = redactedUri(upstream_uri, named)
  if (isObject(response)) copy.response = redactedPart(response, named)
  if (isObject(request)) copy.request = redactedPart(request, named)
  return copy
}

/** A request or a response. */
function redactedPart(part: Record<string, unknown>, named: Named): Record<string, unknown> {
  const { headers, querystring, uri, url } = part
  const copy = { ...part }
  if (isObject(headers)) copy.headers = redactedValues(headers, hidesHeader, named)
  if (isObject(querystring)) copy.querystring = redactedValues(querystring, hidesArgument, named)
  if (typeof uri === 'string') copy.uri = redactedUri(uri, named)
  if (typeof url === 'string') copy.url = redactedUri(url, named)
  return copy
}

function redactedValues(
  values: Record<string, unknown>,
  hides: (name: string, named: Named) => boolean,
  named: Named,
): Record<string, unknown> {
  const copy = emptyRecord<unknown>()
  for (const name of Object.keys(values)) copy[name] = hides(name, named) ? REDACTED : values[name]
  return copy
}

/** The arguments of a query, the last one of a name. */
export function redactedQuery(query: string, named: Named): Record<string, string> {
  const values = emptyRecord<string>()
  for (const [name, value] of new URLSearchParams(query)) {
    values[name] = hidesArgument(name, named) ? REDACTED : value
  }
  return values
}

export function redactedUri(uri: string, named: Named): string {
  if (!uri.includes('=')) return uri
  return uri.replaceAll(ARGUMENT, (argument: string, start: string, name: string) => {
    return hidesArgument(decoded(name), named) ? start + REDACTED : argument
  })
}

/** What cannot be decoded is no name that anyone reads a credential from. */
function decoded(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}
