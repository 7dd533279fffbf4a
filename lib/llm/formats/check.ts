import { ChatError } from '../errors.js'
import { isObject, type Json, type JsonObject } from '../json.js'

/** Looks at one value of a request. `path` names it: `messages[2].content[0].text`. @throws ChatError 400 */
export type Check = (value: Json | undefined, path: string) => void

/** The checks of an object's fields, in the order in which faults are reported. */
export type Fields = Readonly<Record<string, Check>>

export function fault(path: string, allowed: string): ChatError {
  return ChatError.badRequest(`'${path}' must be ${allowed}`, path)
}

export const string: Check = (value, path) => {
  if (typeof value !== 'string') throw fault(path, 'a string')
}

export const nonEmptyString: Check = (value, path) => {
  if (typeof value !== 'string' || value === '') throw fault(path, 'a non-empty string')
}

export const boolean: Check = (value, path) => {
  if (typeof value !== 'boolean') throw fault(path, 'true or false')
}

export const number: Check = (value, path) => {
  // JSON has `1e999`, of which JavaScript makes an infinity and no JSON again.
  if (typeof value !== 'number' || !Number.isFinite(value)) throw fault(path, 'a number')
}

export const object: Check = (value, path) => {
  if (!isObject(value)) throw fault(path, 'an object')
}

export function integer(least: number, most = Number.MAX_SAFE_INTEGER): Check {
  const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`
  return (value, path) => {
    const inRange = typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most
    if (!inRange) throw fault(path, `an integer ${range}`)
  }
}

export function oneOf(...values: string[]): Check {
  const allowed = `one of ${values.join(', ')}`
  return (value, path) => {
    if (typeof value !== 'string' || !values.includes(value)) throw fault(path, allowed)
  }
}

/** Null is absent, as everywhere in OpenAI's API. */
export function optional(check: Check): Check {
  return (value, path) => {
    if (value !== undefined && value !== null) check(value, path)
  }
}

export function list(check: Check): Check {
  return (value, path) => {
    if (!Array.isArray(value)) throw fault(path, 'an array')
    for (const [index, item] of value.entries()) check(item, `${path}[${index}]`)
  }
}

export function shape(fields: Fields): Check {
  const entries = Object.entries(fields)
  return (value, path) => {
    if (!isObject(value)) throw fault(path, 'an object')
    for (const [field, check] of entries) check(value[field], path === '' ? field : `${path}.${field}`)
  }
}

/** Objects whose `tag` field says which checks hold for the rest. */
export function variants(tag: string, shapes: Readonly<Record<string, Fields>>): Check {
  const allowed = `one of ${Object.keys(shapes).join(', ')}`
  const checks = new Map(Object.entries(shapes).map(([name, fields]) => [name, shape(fields)]))
  return (value, path) => {
    if (!isObject(value)) throw fault(path, 'an object')
    const name = value[tag]
    const check = typeof name === 'string' ? checks.get(name) : undefined
    if (check === undefined) throw fault(`${path}.${tag}`, allowed)
    check(value, path)
  }
}

/** The object without its null fields, but for the `kept` ones; itself where there are none. */
export function withoutNulls<T extends JsonObject>(value: T, kept: readonly string[] = []): T {
  let copy: T | undefined
  for (const field of Object.keys(value)) {
    if (value[field] !== null || kept.includes(field)) continue
    copy ??= { ...value }
    delete copy[field]
  }
  return copy ?? value
}
