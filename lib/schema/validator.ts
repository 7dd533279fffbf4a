import { createRequire } from 'node:module'
import type { Ajv, ErrorObject } from 'ajv'
import type * as AjvModule from 'ajv'
import { type Field, isReference } from './field.js'
import { jsonSchema, type Meaning, REQUIRED, UNKNOWN } from './json-schema.js'

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

let ajv: Ajv | undefined

/** Loading a schema compiler takes longer than all else at start-up: it waits for the first config. */
function compiler(): Ajv {
  if (ajv) return ajv
  const load = createRequire(import.meta.url)
  const { Ajv }: typeof AjvModule = load('ajv')
  ajv = new Ajv({
    allErrors: true,
    verbose: true,
    ownProperties: true,
    // The schemas are made here, and each is compiled once.
    meta: false,
    validateSchema: false,
    addUsedSchema: false,
    strict: false,
    strictNumbers: true,
    code: { optimize: false },
  })
  return ajv
}

/**
 * Compiles the check of a field, defaults filled in beforehand. The validator gives one fault a field, the one that Kong
 * gives; paths are below the value.
 *
 * @throws Error if the field's definition is none of Kong's language
 */
export function compileField(field: Field): Validator {
  const meanings = new Map<object, Meaning>()
  const validate = compiler().compile(jsonSchema(field, meanings))
  return (value, unresolved = isReference) =>
    validate(value) ? [] : faultsOf(validate.errors ?? [], meanings, unresolved)
}

function faultsOf(errors: ErrorObject[], meanings: Map<object, Meaning>, unresolved: Unresolved): Fault[] {
  const found = new Map<string, { rank: number; message: string }>()
  const add = (path: string, rank: number, message: string): void => {
    const present = found.get(path)
    if (present === undefined || rank < present.rank) found.set(path, { rank, message })
  }
  for (const error of errors) {
    const path = pathOf(error.instancePath)
    const { missingProperty, additionalProperty } = error.params as Record<string, string | undefined>
    const meaning = error.parentSchema && meanings.get(error.parentSchema)
    if (missingProperty !== undefined) add(join(path, missingProperty), 0, REQUIRED)
    else if (additionalProperty !== undefined) add(join(path, additionalProperty), 0, UNKNOWN)
    else if (meaning && (meaning.rank > 0 || error.keyword === 'type')) {
      if (meaning.field.referenceable && unresolved(error.data)) continue
      add(path, meaning.rank, meaning.field.err ?? meaning.text(error.data))
    }
  }
  return [...found].map(([path, { message }]) => ({ path, message }))
}

export function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`
}

/** `/targets/0/model` as `targets[0].model`. */
function pathOf(pointer: string): string {
  let path = ''
  for (const segment of pointer.split('/').slice(1)) {
    const name = segment.replaceAll('~1', '/').replaceAll('~0', '~')
    path = /^\d+$/.test(name) ? `${path}[${name}]` : join(path, name)
  }
  return path
}
