import { isObject, type Json } from '../llm/json.js'

export type Scalar = string | number | boolean

export type FieldType = 'string' | 'number' | 'integer' | 'boolean' | 'array' | 'set' | 'map' | 'record'

/**
 * The attributes of a field that check its value, under Kong's names and with Kong's meaning.
 * Patterns are Lua's. Passed over are `is_regex`, `timestamp`, `uuid`, `mutually_exclusive_subsets` and Lua functions.
 * Source: `validators` in Kong's `kong/db/schema/init.lua`.
 */
export interface Checks {
  eq?: Scalar
  ne?: Scalar
  one_of?: readonly Scalar[]
  not_one_of?: readonly Scalar[]
  gt?: number
  between?: readonly [number, number]
  len_eq?: number
  len_min?: number
  len_max?: number
  starts_with?: string
  not_match?: string
  match_none?: readonly { pattern: string; err: string }[]
  match?: string
  match_all?: readonly { pattern: string; err: string }[]
  match_any?: { patterns: readonly string[]; err: string }
  contains?: Scalar
}

/** What Kong's schema language says about one field. */
export interface Field extends Checks {
  type: FieldType
  required?: boolean
  default?: Json
  /** Kong takes 10 to 500 characters. */
  description?: string
  /** The value may be a vault reference. */
  referenceable?: boolean
  encrypted?: boolean
  deprecation?: { message: string; removal_in_version: string }
  /** Stands in for the text of whichever check failed. */
  err?: string
  /** Of arrays and sets. */
  elements?: Field
  /** Of maps. */
  keys?: Field
  values?: Field
  /** Of records. */
  fields?: readonly FieldEntry[]
  entity_checks?: readonly EntityCheck[]
}

/** A field under its name: the only key of the object. */
export type FieldEntry = Readonly<Record<string, Field>>

/** What `if_match` and `then_match` hold: checks that join those of the field they look at. */
export type Match = Checks & { required?: boolean }

export interface Conditional {
  if_field: string
  if_match: Match
  then_field: string
  then_match: Match
  /** `%s` stands for `if_field`. */
  then_err?: string
}

export interface ConditionalAtLeastOneOf {
  if_field: string
  if_match: Match
  then_at_least_one_of: readonly string[]
  /** `%s` stands for the quoted list of fields. */
  then_err?: string
  else_match?: Match
  else_then_at_least_one_of?: readonly string[]
  else_then_err?: string
}

/**
 * One rule over several fields: the only key says which. Field names are dotted paths below the record.
 * An alias, not an interface, so that a plugin's module may hold it as a plain record.
 */
export type EntityCheck = {
  at_least_one_of?: readonly string[]
  only_one_of?: readonly string[]
  distinct?: readonly string[]
  mutually_required?: readonly string[]
  mutually_exclusive?: readonly string[]
  mutually_exclusive_sets?: { set1: readonly string[]; set2: readonly string[] }
  conditional?: Conditional
  conditional_at_least_one_of?: ConditionalAtLeastOneOf
}

/** Schemas do not change, and every check of a config looks up each field several times. */
const known = new WeakMap<Field, ReadonlyMap<string, Field>>()

/** A record's fields in the order of their declaration. */
export function fieldsOf(record: Field): ReadonlyMap<string, Field> {
  let fields = known.get(record)
  if (!fields) {
    fields = new Map((record.fields ?? []).flatMap((entry) => Object.entries(entry)))
    known.set(record, fields)
  }
  return fields
}

/** An own property; `undefined` for what a prototype would give. */
export function own(value: unknown, name: string): unknown {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined
}

/** `{vault://env/my-key}`: what Kong resolves in a referenceable field before the plugin sees it. */
export function isReference(value: unknown): boolean {
  return typeof value === 'string' && value.startsWith('{vault://') && value.endsWith('}')
}

/** Paths below `config` that take vault references; `*` stands for the items of an array or a map. */
export function referenceablePaths(field: Field, path: readonly string[] = []): string[] {
  if (field.fields) {
    return [...fieldsOf(field)].flatMap(([name, child]) => referenceablePaths(child, [...path, name]))
  }
  const item = field.elements ?? field.values
  if (item) return referenceablePaths(item, [...path, '*'])
  return field.referenceable ? [path.join('.')] : []
}
