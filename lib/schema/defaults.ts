import { isObject } from '../llm/json.js'
import { type Field, fieldsOf, own } from './field.js'

/**
 * A copy of the value with Kong's defaults: a missing field takes its default, a missing record that is required is made
 * of its own defaults, and any other missing record stays away with the defaults inside it. `null` counts as
 * missing. The copy follows the schema, so what the schema does not know is neither copied deeply nor walked.
 */
export function withDefaults(field: Field, value: unknown): unknown {
  if (value === undefined || value === null) {
    if (field.default !== undefined) return withDefaults(field, structuredClone(field.default))
    return field.type === 'record' && field.required ? completeRecord(field, {}) : undefined
  }
  switch (field.type) {
    case 'record':
      return isObject(value)
        ? completeRecord(field, value)
        : isEmptyArray(value)
          ? completeRecord(field, {})
          : value
    case 'map':
      return isObject(value) ? completeMap(field, value) : isEmptyArray(value) ? {} : value
    case 'array':
      return Array.isArray(value) ? completeItems(field, value) : isEmptyObject(value) ? [] : value
    case 'set':
      return Array.isArray(value)
        ? [...new Set(completeItems(field, value))]
        : isEmptyObject(value)
          ? []
          : value
    default:
      return value
  }
}

function completeRecord(record: Field, value: object): object {
  const fields = fieldsOf(record)
  const entries: [string, unknown][] = []
  for (const [name, field] of fields) {
    const completed = withDefaults(field, own(value, name))
    if (completed !== undefined) entries.push([name, completed])
  }
  for (const [name, unknown] of Object.entries(value)) {
    if (!fields.has(name) && unknown !== undefined && unknown !== null) entries.push([name, unknown])
  }
  // fromEntries defines properties instead of setting them: `__proto__` becomes a plain, unknown field.
  return Object.fromEntries(entries)
}

function completeMap(map: Field, value: object): object {
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, completeItem(map.values, item)]))
}

function completeItems(array: Field, value: readonly unknown[]): unknown[] {
  return Array.from(value, (item) => completeItem(array.elements, item))
}

/** An item is never made of defaults: a null among others is a fault. */
function completeItem(field: Field | undefined, item: unknown): unknown {
  return item === undefined || item === null || field === undefined
    ? (item ?? null)
    : withDefaults(field, item)
}

/** Lua has one empty table: what comes from Kong may be `[]` where an object is meant, and `{}` for a list. */
function isEmptyArray(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0
}

function isEmptyObject(value: unknown): boolean {
  return isObject(value) && Object.keys(value).length === 0
}
