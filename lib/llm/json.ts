/** A JSON value as `JSON.parse` gives it. */
export type Json = string | number | boolean | null | Json[] | JsonObject
export type JsonObject = { [key: string]: Json | undefined }

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * A copy that fields are added to: V8 makes a hash table of one that is spread and then added to, which takes five times as long
 * and is slow to write. A field named `__proto__` would become the copy's prototype.
 */
export function copyOf(object: JsonObject): JsonObject {
  return Object.hasOwn(object, '__proto__') ? { ...object } : Object.assign({}, object)
}

/** As in Kong's JSON library: a text of more levels is no JSON. Far from where writing it again would overflow the stack. */
const MAX_DEPTH = 1000

/** `JSON.parse` that answers `undefined` where the text is not JSON. */
export function parseJson(text: string): Json | undefined {
  try {
    const value = JSON.parse(text) as Json
    // A shorter text has no room for so many.
    return text.length > 2 * MAX_DEPTH && isDeeper(value, MAX_DEPTH) ? undefined : value
  } catch {
    return undefined
  }
}

function isDeeper(value: Json | undefined, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (levels === 0) return true
  const inner = Array.isArray(value) ? value : Object.values(value)
  return inner.some((item) => isDeeper(item, levels - 1))
}
