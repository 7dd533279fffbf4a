import { isObject } from '../llm/json.js'

/** Headers that carry credentials, by their names. `x-ratelimit-remaining-tokens` is none. */
const SECRET_HEADER =
  /(?:authorization|cookie|api-?key|access-?key|token|secret|password|credential|ticket)$/i
/** Query arguments that do: some providers, and AWS's signed URLs, have them there. */
const SECRET_ARGUMENT = /(?:key|token|secret|password|signature|credential)$/i
/** An argument as it stands in a URI: what is before its value, its name, and the value. */
const ARGUMENT = /([?&]([^=&#]*)=)[^&#]*/g

const REDACTED = 'REDACTED'

/** Takes the values of credentials out of a log entry in Kong's shape, in place; their names stay. */
export function redactEntry(entry: Record<string, unknown>): void {
  const { request, response } = entry
  redactUris(entry, ['upstream_uri'])
  if (isObject(response)) redactValues(response.headers, SECRET_HEADER)
  if (!isObject(request)) return
  redactValues(request.headers, SECRET_HEADER)
  redactValues(request.querystring, SECRET_ARGUMENT)
  redactUris(request, ['uri', 'url'])
}

function redactValues(values: unknown, secret: RegExp): void {
  if (!isObject(values)) return
  for (const name of Object.keys(values)) if (secret.test(name)) values[name] = REDACTED
}

function redactUris(part: Record<string, unknown>, fields: readonly string[]): void {
  for (const field of fields) {
    const uri = part[field]
    if (typeof uri === 'string') part[field] = uri.replaceAll(ARGUMENT, redactArgument)
  }
}

function redactArgument(argument: string, start: string, name: string): string {
  return SECRET_ARGUMENT.test(decoded(name)) ? start + REDACTED : argument
}

/** What cannot be decoded is no name that anyone reads a credential from. */
function decoded(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}
