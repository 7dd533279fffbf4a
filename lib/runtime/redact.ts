import { isObject } from '../llm/json.js'

/** Headers that carry credentials, by their names. `x-ratelimit-remaining-tokens` is none. */
const SECRET_HEADER =
  /(?:authorization|cookie|api-?key|access-?key|token|secret|password|credential|ticket)$/i
/** Query arguments that do: some providers, and AWS's signed URLs, have them there. */
const SECRET_ARGUMENT = /(?:key|token|secret|password|signature|credential)$/i
/** An argument as it stands in a URI: what is before its value, its name, and the value. */
const ARGUMENT = /([?&]([^=&#]*)=)[^&#]*/g

const REDACTED = 'REDACTED'

/** Tells the names whose values are credentials. */
type IsSecret = (name: string) => boolean

/**
 * Takes the values of credentials out of a log entry in Kong's shape, in place; their names stay.
 *
 * @param named headers and query arguments that are known to hold one, in lower case
 */
export function redactEntry(entry: Record<string, unknown>, named: ReadonlySet<string> = new Set()): void {
  const isHeader: IsSecret = (name) => SECRET_HEADER.test(name) || named.has(name.toLowerCase())
  const isArgument: IsSecret = (name) => SECRET_ARGUMENT.test(name) || named.has(name.toLowerCase())
  const { request, response } = entry
  redactUris(entry, ['upstream_uri'], isArgument)
  if (isObject(response)) redactValues(response.headers, isHeader)
  if (!isObject(request)) return
  redactValues(request.headers, isHeader)
  redactValues(request.querystring, isArgument)
  redactUris(request, ['uri', 'url'], isArgument)
}

function redactValues(values: unknown, isSecret: IsSecret): void {
  if (!isObject(values)) return
  for (const name of Object.keys(values)) if (isSecret(name)) values[name] = REDACTED
}

function redactUris(part: Record<string, unknown>, fields: readonly string[], isSecret: IsSecret): void {
  for (const field of fields) {
    const uri = part[field]
    if (typeof uri !== 'string' || !uri.includes('=')) continue
    part[field] = uri.replaceAll(ARGUMENT, (argument: string, start: string, name: string) => {
      return isSecret(decoded(name)) ? start + REDACTED : argument
    })
  }
}

/** What cannot be decoded is no name that anyone reads a credential from. */
function decoded(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}
