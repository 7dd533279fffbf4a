import type { JsonObject } from '../json.js'

/** Those of the named fields that are set, as they are. */
export function pick(from: object, names: readonly string[]): JsonObject {
  const fields = from as JsonObject
  const picked: JsonObject = {}
  for (const name of names) {
    const value = Object.hasOwn(fields, name) ? fields[name] : undefined
    if (value != null) picked[name] = value
  }
  return picked
}
