import { isObject, type JsonObject, parseJson } from '../../lib/llm/json.js'

/** The value, which has to be a JSON object. */
export function object(value: unknown): JsonObject {
  if (isObject(value)) return value
  throw new Error(`no object: ${JSON.stringify(value)}`)
}

/** The value, which has to be a list of JSON objects. */
export function objects(value: unknown): JsonObject[] {
  if (Array.isArray(value)) return value.map(object)
  throw new Error(`no list: ${JSON.stringify(value)}`)
}

/** The text, which has to be that of a JSON object. */
export function parseObject(text: string): JsonObject {
  return object(parseJson(text))
}
