import { isObject, type Json, type JsonObject } from '../llm/json.js'
import { object, objects, string, strings } from './read.js'

const MAX_DEPTH = 8

const STRINGS: Readonly<Record<string, string>> = {
  date: '2026-01-31',
  'date-time': '2026-01-31T12:00:00Z',
  time: '12:00:00Z',
  email: 'mock@example.com',
  uri: 'https://example.com/mock',
  uuid: '00000000-0000-4000-8000-000000000000',
}

/**
 * The smallest value that satisfies the simple cases of a JSON schema: types, properties, enums, alternatives,
 * references within the schema, least lengths and numbers. Of a schema that says nothing, an object that names the mock.
 */
export function sample(schema: JsonObject): Json {
  return Object.keys(schema).length === 0 ? { answer: 'mock' } : valueOf(schema, schema, 0)
}

function valueOf(schema: JsonObject, root: JsonObject, depth: number): Json {
  const one = resolve(schema, root, depth)
  if (one !== schema) return depth > MAX_DEPTH ? null : valueOf(one, root, depth + 1)
  if (schema.const !== undefined) return schema.const
  if (Array.isArray(schema.enum) && schema.enum.length > 0) return schema.enum[0] ?? null
  switch (typeOf(schema)) {
    case 'object':
      return depth > MAX_DEPTH ? {} : objectOf(schema, root, depth)
    case 'array': {
      const items = Math.min(count(schema.minItems), 100)
      return Array.from({ length: items }, () => valueOf(object(schema.items), root, depth + 1))
    }
    case 'integer':
    case 'number':
      return numberOf(schema)
    case 'boolean':
      return true
    case 'null':
      return null
    default:
      return (STRINGS[string(schema.format) ?? ''] ?? 'mock').padEnd(
        Math.min(count(schema.minLength), 1000),
        '.',
      )
  }
}

/** Required properties, or all where none is said to be. */
function objectOf(schema: JsonObject, root: JsonObject, depth: number): JsonObject {
  const properties = object(schema.properties)
  const names = Array.isArray(schema.required) ? strings(schema.required) : Object.keys(properties)
  return Object.fromEntries(names.map((name) => [name, valueOf(object(properties[name]), root, depth + 1)]))
}

/** 1, or what is nearest to it between the limits. */
function numberOf(schema: JsonObject): number {
  const least = Math.max(
    count(schema.minimum, -Infinity),
    Math.floor(count(schema.exclusiveMinimum, -Infinity)) + 1,
  )
  return Math.min(Math.max(1, least), count(schema.maximum, Infinity))
}

/** The schema that stands in for this one: a reference's target, the first alternative, all parts in one. */
function resolve(schema: JsonObject, root: JsonObject, depth: number): JsonObject {
  if (typeof schema.$ref === 'string') return target(schema.$ref, root)
  const [alternative] = [...objects(schema.anyOf), ...objects(schema.oneOf)]
  if (alternative) return alternative
  const parts = objects(schema.allOf)
  if (parts.length === 0 || depth > MAX_DEPTH) return schema
  const { allOf: _, ...rest } = schema
  return parts.reduce<JsonObject>((whole, part) => merge(whole, resolve(part, root, depth + 1)), rest)
}

function target(ref: string, root: JsonObject): JsonObject {
  const path = ref.replace(/^#\/?/, '').split('/').filter(Boolean)
  return path.reduce((at, key) => object(at[key.replaceAll('~1', '/').replaceAll('~0', '~')]), root)
}

function merge(a: JsonObject, b: JsonObject): JsonObject {
  const required = [...strings(a.required), ...strings(b.required)]
  return {
    ...a,
    ...b,
    properties: { ...object(a.properties), ...object(b.properties) },
    ...(required.length > 0 ? { required } : {}),
  }
}

/** Lower case: Gemini writes `STRING`. */
function typeOf(schema: JsonObject): string {
  const [type] = strings(schema.type)
  return type?.toLowerCase() ?? (isObject(schema.properties) ? 'object' : 'string')
}

function count(value: Json | undefined, absent = 0): number {
  return typeof value === 'number' ? value : absent
}
