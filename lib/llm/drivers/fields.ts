import { ChatError } from '../errors.js'
import { isObject, type JsonObject } from '../json.js'

/** A field of what stands at `path` in the request. @throws ChatError 400 where it is no object */
export function objectAt(object: JsonObject, field: string, path: string): JsonObject {
  const value = object[field]
  if (!isObject(value)) throw ChatError.badRequest('must be an object', `${path}.${field}`)
  return value
}

/** As `objectAt`, of a string. */
export function stringAt(object: JsonObject, field: string, path: string): string {
  const value = object[field]
  if (typeof value !== 'string') throw ChatError.badRequest('must be a string', `${path}.${field}`)
  return value
}
