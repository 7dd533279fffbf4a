import type { SchemaObject } from 'ajv'
import { type Checks, type Field, type FieldType, fieldsOf } from './field.js'
import { literal, luaPattern } from './lua-pattern.js'

/** What it means that a value fails a keyword of a JSON Schema, in Kong's words. */
export interface Meaning {
  field: Field
  /** Kong says one thing about a field: the check that comes first. */
  rank: number
  text(value: unknown): string
}

/** By the (sub)schema and its keyword. */
export type Meanings = Map<unknown, Map<string, Meaning>>

type Text = Meaning['text']
/** A JSON Schema with the text for values that it refuses. */
type Part = [schema: SchemaObject, text: Text]
type Row<A> = (argument: A, type: FieldType) => Part[]

const JSON_TYPES: Readonly<Record<FieldType, string>> = {
  string: 'string',
  number: 'number',
  integer: 'integer',
  boolean: 'boolean',
  array: 'array',
  set: 'array',
  map: 'object',
  record: 'object',
}

const EXPECTED: Readonly<Record<FieldType, string>> = {
  string: 'expected a string',
  number: 'expected a number',
  integer: 'expected an integer',
  boolean: 'expected a boolean',
  array: 'expected an array',
  set: 'expected a set',
  map: 'expected a map',
  record: 'expected a record',
}

export const REQUIRED = 'required field missing'
export const UNKNOWN = 'unknown field'

/** JSON Schema's keywords for the length of each type. Strings count characters here, bytes in Lua. */
const LENGTHS: Readonly<Record<string, readonly [min: string, max: string]>> = {
  string: ['minLength', 'maxLength'],
  array: ['minItems', 'maxItems'],
  set: ['minItems', 'maxItems'],
  map: ['minProperties', 'maxProperties'],
}

function length(type: FieldType, min: number | undefined, max: number | undefined, text: string): Part[] {
  const [minimum, maximum] = LENGTHS[type] ?? []
  if (minimum === undefined || maximum === undefined) return []
  const schema: SchemaObject = {}
  if (min !== undefined) schema[minimum] = min
  if (max !== undefined) schema[maximum] = max
  return [[schema, () => text]]
}

const invalid: Text = (value) => `invalid value: ${String(value)}`

/** Kong's checks in the order in which Kong runs them. */
const ROWS: { readonly [Name in keyof Checks]-?: Row<NonNullable<Checks[Name]>> } = {
  eq: (wanted) => [[{ const: wanted }, () => `value must be ${wanted}`]],
  ne: (unwanted) => [[{ not: { const: unwanted } }, (value) => `value must not be ${String(value)}`]],
  not_one_of: (values) => [
    [{ not: { enum: [...values] } }, () => `must not be one of: ${values.join(', ')}`],
  ],
  one_of: (values) => [[{ enum: [...values] }, () => `expected one of: ${values.join(', ')}`]],
  gt: (limit) => [[{ exclusiveMinimum: limit }, () => `value must be greater than ${limit}`]],
  between: ([low, high]) => [
    [
      { minimum: low, maximum: high },
      () => `value should be between ${Math.trunc(low)} and ${Math.trunc(high)}`,
    ],
  ],
  len_eq: (n, type) => length(type, n, n, `length must be ${n}`),
  len_min: (n, type) => length(type, n, undefined, `length must be at least ${n}`),
  len_max: (n, type) => length(type, undefined, n, `length must be at most ${n}`),
  starts_with: (start) => [[{ pattern: `^${literal(start)}` }, () => `should start with: ${start}`]],
  not_match: (pattern) => [[{ not: { pattern: luaPattern(pattern) } }, invalid]],
  match_none: (list) =>
    list.map(({ pattern, err }) => [{ not: { pattern: luaPattern(pattern) } }, () => err]),
  match: (pattern) => [[{ pattern: luaPattern(pattern) }, invalid]],
  match_all: (list) => list.map(({ pattern, err }) => [{ pattern: luaPattern(pattern) }, () => err]),
  match_any: ({ patterns, err }) => [
    [{ anyOf: patterns.map((pattern) => ({ pattern: luaPattern(pattern) })) }, () => err],
  ],
  contains: (wanted) => [[{ contains: { const: wanted } }, () => `expected to contain: ${wanted}`]],
}

function parts(field: Field): Part[] {
  // An empty string is refused unless the field allows for it.
  const checks: Checks = field.type === 'string' ? { ...field, len_min: field.len_min ?? 1 } : field
  return Object.entries(ROWS).flatMap(([name, row]) => {
    const argument = checks[name as keyof Checks]
    return argument === undefined ? [] : (row as Row<unknown>)(argument, field.type)
  })
}

/**
 * The JSON Schema of a field whose defaults are filled in. Every keyword whose failure means something is put
 * into `meanings`; errors of others repeat what one of those says.
 *
 * @throws Error if the field's definition is none of Kong's language
 */
export function jsonSchema(field: Field, meanings: Meanings): SchemaObject {
  const type = Object.hasOwn(JSON_TYPES, field.type) ? JSON_TYPES[field.type] : undefined
  if (type === undefined) throw new Error(`invalid type: ${field.type}`)
  const schema: SchemaObject = { type }
  const text: Text = (value) => (value === null ? REQUIRED : EXPECTED[field.type])
  meanings.set(schema, new Map([['type', { field, rank: 0, text }]]))

  if (field.type === 'record') {
    const children = [...fieldsOf(field)]
    schema.properties = Object.fromEntries(
      children.map(([name, child]) => [name, jsonSchema(child, meanings)]),
    )
    schema.required = children.filter(([, child]) => child.required).map(([name]) => name)
    schema.additionalProperties = false
  }
  if (field.elements) schema.items = jsonSchema(field.elements, meanings)
  if (field.keys) schema.propertyNames = jsonSchema(field.keys, meanings)
  if (field.values) schema.additionalProperties = jsonSchema(field.values, meanings)

  for (const [i, [part, text]] of parts(field).entries())
    addPart(schema, part, meanings, { field, rank: i + 1, text })
  return schema
}

/** A keyword that is taken already goes into `allOf`. */
function addPart(schema: SchemaObject, part: SchemaObject, meanings: Meanings, meaning: Meaning): void {
  const keywords = Object.keys(part)
  const taken = keywords.some((keyword) => keyword in schema)
  if (taken) schema.allOf = [...(schema.allOf ?? []), part]
  else Object.assign(schema, part)
  const owner = taken ? part : schema
  const known = meanings.get(owner) ?? new Map<string, Meaning>()
  for (const keyword of keywords) known.set(keyword, meaning)
  meanings.set(owner, known)
}
