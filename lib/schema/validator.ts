import type { ErrorObject, SchemaObject } from 'ajv'
import { compile } from './compiler.js'
import { type Field, isReference } from './field.js'
import { jsonSchema, type Meanings, REQUIRED, UNKNOWN } from './json-schema.js'

/** What is wrong with a config, and where. */
export interface Fault {
  /** Below `config`: `model.provider`, `targets[0].model`; `@entity` for a rule over several fields. */
  path: string
  /** Kong's own text where Kong has one. */
  message: string
}

/** Whether a value of a referenceable field stands for a secret that is not there to be checked. */
export type Unresolved = (value: unknown) => boolean

export type Validator = (value: unknown, unresolved?: Unresolved) => Fault[]

type RankedFault = Fault & { rank: number }

/**
 * Compiles the check of a field, defaults filled in beforehand. The validator gives one fault a field, the one that Kong
 * gives; paths are below the value.
 *
 * @throws Error if the field's definition is none of Kong's language
 */
export function compileField(field: Field): Validator {
  const meanings: Meanings = new Map()
  const schema = jsonSchema(field, meanings)
  const validate = compile(schema)

  return (value, unresolved = isReference) => {
    if (validate(value)) return []
    const found = new Map<string, RankedFault>()
    for (const error of validate.errors ?? []) {
      const fault = faultOf(error, schema, meanings, value, unresolved)
      if (!fault) continue
      const present = found.get(fault.path)
      if (present === undefined || fault.rank < present.rank) found.set(fault.path, fault)
    }
    return Array.from(found.values(), ({ path, message }) => ({ path, message }))
  }
}

function faultOf(
  error: ErrorObject,
  schema: SchemaObject,
  meanings: Meanings,
  value: unknown,
  unresolved: Unresolved,
): RankedFault | undefined {
  const at = segmentsOf(error.instancePath)
  const path = pathOf(at)
  const { missingProperty, additionalProperty } = error.params as Record<string, string | undefined>
  if (missingProperty !== undefined) return { path: join(path, missingProperty), rank: 0, message: REQUIRED }
  if (additionalProperty !== undefined)
    return { path: join(path, additionalProperty), rank: 0, message: UNKNOWN }

  const owner = inside(schema, segmentsOf(error.schemaPath).slice(0, -1))
  const meaning = meanings.get(owner)?.get(error.keyword)
  if (!meaning) return undefined
  // Of a map's key, or of what the path leads to.
  const data = error.propertyName ?? inside(value, at)
  if (meaning.field.referenceable && unresolved(data)) return undefined
  return { path, rank: meaning.rank, message: meaning.field.err ?? meaning.text(data) }
}

/** A JSON pointer's names (RFC 6901), a pointer in a URI fragment's too. */
function segmentsOf(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((segment) => {
      const name = pointer.startsWith('#') ? decodeURIComponent(segment) : segment
      return name.replaceAll('~1', '/').replaceAll('~0', '~')
    })
}

function inside(value: unknown, segments: readonly string[]): unknown {
  return segments.reduce<unknown>(
    (found, name) =>
      typeof found === 'object' && found !== null && Object.hasOwn(found, name)
        ? (found as Record<string, unknown>)[name]
        : undefined,
    value,
  )
}

/** `targets`, `0`, `model` as `targets[0].model`. */
function pathOf(segments: readonly string[]): string {
  return segments.reduce((path, name) => (/^\d+$/.test(name) ? `${path}[${name}]` : join(path, name)), '')
}

export function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`
}
