import { isObject, parseJson } from '../llm/json.js'

/*
 * References to secrets: https://developer.konghq.com/gateway/entities/vault/. The only vault here is `env`, the
 * environment of the process.
 */

export type Environment = Readonly<Record<string, string | undefined>>

/** Whether a text is one whole reference, `{vault://...}`. There are none within a longer text. */
export function isReference(value: unknown): value is string {
  return typeof value === 'string' && value.startsWith('{vault://') && value.endsWith('}')
}

interface ParsedReference {
  variable: string
  /** Of the JSON object that the variable holds. */
  property: string | undefined
}

const REFERENCE = /^\{vault:\/\/([^/?#]+)\/([^?#]*)(?:\?([^#]*))?\}$/

/** `{vault://env/some-key/property?prefix=APP_}`: `SOME_KEY` with the prefix before it. */
function parseReference(reference: string): ParsedReference | { error: string } {
  const [, vault, path, query] = REFERENCE.exec(reference) ?? []
  const parts = (path ?? '').split('/').filter((part) => part !== '')
  if (vault === undefined || path === undefined || parts.length === 0) {
    return { error: `${reference} is no valid reference: expected {vault://env/<variable>[/<property>]}` }
  }
  if (vault !== 'env') return { error: `${reference}: there is no vault '${vault}' (supported: env)` }
  // A trailing slash makes all parts the variable's name.
  const property = parts.length > 1 && !path.endsWith('/') ? parts.pop() : undefined
  const resource = (new URLSearchParams(query).get('prefix') ?? '') + parts.map(decodePart).join('/')
  return {
    variable: resource.replaceAll('-', '_').toUpperCase(),
    property: property === undefined ? undefined : decodePart(property),
  }
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

function lookUp(
  { variable, property }: ParsedReference,
  env: Environment,
): { value: string } | { error: string } {
  const value = env[variable]
  if (value === undefined) return { error: `the environment variable ${variable} is not set` }
  if (property === undefined) return { value }
  const object = parseJson(value)
  if (!isObject(object)) return { error: `the environment variable ${variable} holds no JSON object` }
  const member = Object.hasOwn(object, property) ? object[property] : undefined
  if (typeof member === 'string') return { value: member }
  return { error: `the JSON object in ${variable} has no text in '${property}'` }
}

/** The secret that a reference stands for. The error never contains one; `fatal`: nothing in the environment could mend it. */
export function resolveReference(
  reference: string,
  env: Environment,
): { value: string } | { error: string; fatal?: true } {
  const parsed = parseReference(reference)
  return 'error' in parsed ? { ...parsed, fatal: true } : lookUp(parsed, env)
}
