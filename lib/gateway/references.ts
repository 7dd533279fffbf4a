import type { Json, JsonObject } from '../llm/json.js'
import { isReference, resolveReference, type Environment } from '../runtime/vault.js'
import type { FieldReference } from './entities.js'
import { pathText } from './faults.js'

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
  const found = resolveReference(reference, env)
  const value = 'value' in found ? found.value : ''
  resolved.references.push({ path: pathText(path), reference, empty: value === '' })
  if (value === '') {
    const message = 'error' in found ? found.error : `${reference} is empty`
    resolved.problems.push({ path, message, fatal: 'fatal' in found })
  }
  return value
}
