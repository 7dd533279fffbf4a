import type { Json, JsonObject } from '../json.js'

/** Those of the named fields that are set, as they are. */
export function pick(from: object, names: readonly string[]): JsonObject {
  const fields = new Map<string, Json>(Object.entries(from))
  return Object.fromEntries(
    names.filter((name) => fields.get(name) != null).map((name) => [name, fields.get(name)]),
  )
}
