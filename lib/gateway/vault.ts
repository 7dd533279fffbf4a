import { isObject, type Json, type JsonObject, parseJson } from '../llm/json.js'
import type { FieldReference } from './entities.js'
import { pathText } from './faults.js'

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

/** The secret that a reference stands for; the error never contains one. */
export function resolveReference(reference: string, env: Environment): { value: string } | { error: string } {
  const parsed = parseReference(reference)
  return 'error' in parsed ? parsed : lookUp(parsed, env)
}

export interface ResolvedConfig {
  /** A copy, with a value in the place of each reference; `''` where there is none. */
  config: JsonObject
  references: FieldReference[]
  /** `fatal`: nothing that the environment holds could make it right. */
  problems: { path: (string | number)[]; message: string; fatal: boolean }[]
}

/**
 * Resolves the references in those fields that may hold some: `auth.header_value`, `targets.*.auth.header_value`
 * (`*`: all items of an array, all values of a map). In any other field a reference is just a text.
 */
export function resolveReferences(
  config: JsonObject,
  referenceable: readonly string[],
  env: Environment,
): ResolvedConfig {
  const resolved: ResolvedConfig = { config: structuredClone(config), references: [], problems: [] }
  for (const pattern of referenceable) visit(resolved.config, pattern.split('.'), [], env, resolved)
  return resolved
}

function visit(
  parent: Json | undefined,
  pattern: readonly string[],
  above: (string | number)[],
  env: Environment,
  resolved: ResolvedConfig,
): void {
  if (typeof parent !== 'object' || parent === null) return
  const members = parent as Record<string | number, Json | undefined>
  const [wanted, ...rest] = pattern
  const keys = Array.isArray(parent) ? [...parent.keys()] : Object.keys(parent)
  for (const key of keys) {
    if (wanted !== '*' && wanted !== key) continue
    const path = [...above, key]
    const value = members[key]
    if (rest.length > 0) visit(value, rest, path, env, resolved)
    else if (isReference(value)) members[key] = resolveField(value, path, env, resolved)
  }
}

function resolveField(
  reference: string,
  path: (string | number)[],
  env: Environment,
  resolved: ResolvedConfig,
): string {
  const parsed = parseReference(reference)
  const found = 'error' in parsed ? parsed : lookUp(parsed, env)
  const value = 'value' in found ? found.value : ''
  resolved.references.push({ path: pathText(path), reference, empty: value === '' })
  if (value === '') {
    const message = 'error' in found ? found.error : `${reference} is empty`
    resolved.problems.push({ path, message, fatal: 'error' in parsed })
  }
  return value
}
