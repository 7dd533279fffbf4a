import type { SchemaObject } from 'ajv'
import type { PluginModule } from '../pdk/plugin.js'
import { type EntityCheck, type Field, fieldsOf, type Match } from './field.js'
import { jsonSchema } from './json-schema.js'
import { rootOf } from './schema.js'

/** All JSON Schemas that a plugin's config is checked by: what a build can compile ahead. */
export function schemasOf(module: PluginModule): SchemaObject[] {
  const config = rootOf(module)
  const plugin: Field = { type: 'record', fields: [{ config }], entity_checks: module.EntityChecks ?? [] }
  return [config, ...matchedFields(plugin)].map((field) => jsonSchema(field, new Map()))
}

/** Fields as the rules of a record, and of those in it, look at them: joined with what a rule holds them against. */
function matchedFields(record: Field): Field[] {
  const own = (record.entity_checks ?? []).flatMap(matchesOf).flatMap(([name, match]) => {
    const field = fieldAt(record, name)
    return field && match ? [{ ...field, ...match }] : []
  })
  const inside = [...fieldsOf(record).values(), record.elements, record.values]
  return [...own, ...inside.flatMap((field) => (field ? matchedFields(field) : []))]
}

function matchesOf({ conditional, conditional_at_least_one_of: list }: EntityCheck) {
  const matches: [name: string, match: Match | undefined][] = []
  if (conditional) {
    matches.push([conditional.if_field, conditional.if_match])
    matches.push([conditional.then_field, conditional.then_match])
  }
  if (list) matches.push([list.if_field, list.if_match], [list.if_field, list.else_match])
  return matches
}

/** By its dotted path below the record. */
function fieldAt(record: Field, name: string): Field | undefined {
  return name
    .split('.')
    .reduce<Field | undefined>((field, part) => field && fieldsOf(field).get(part), record)
}
