import { isObject } from '../llm/json.js'
import {
  type Conditional,
  type ConditionalAtLeastOneOf,
  type EntityCheck,
  type Field,
  fieldsOf,
  type Match,
  own,
} from './field.js'
import { REQUIRED, UNKNOWN } from './json-schema.js'
import { compileField, type Fault, join, type Unresolved, type Validator } from './validator.js'

/*
 * Kong's rules over several fields, with its texts and its order of business.
 * Source: `entity_checkers` and `run_entity_check` in Kong's `kong/db/schema/init.lua`.
 *
 * A field has three states there. `undefined`: its record is not there, or the field is required and missing.
 * `null`: an optional field that was not given. Else its value.
 */

/** A rule over a plain list of fields. */
interface ListCheck {
  /** Runs although a field is `undefined`; else such a field is a fault of its own. */
  partial?: boolean
  /** Runs although a field has a fault. */
  faulty?: boolean
  text: string
  holds(values: unknown[]): boolean
}

const LIST_CHECKS = {
  at_least_one_of: {
    partial: true,
    faulty: true,
    text: 'at least one of these fields must be non-empty',
    holds: (values) => values.some(isNonEmpty),
  },
  only_one_of: {
    faulty: true,
    text: 'exactly one of these fields must be non-empty',
    holds: (values) => values.filter(isNonEmpty).length === 1,
  },
  distinct: {
    faulty: true,
    text: 'values of these fields must be distinct',
    holds: (values) => {
      const given = values.filter(isNonEmpty)
      return new Set(given).size === given.length
    },
  },
  mutually_required: {
    partial: true,
    text: 'all or none of these fields must be set',
    holds: (values) => [0, values.length].includes(values.filter(isNonEmpty).length),
  },
  mutually_exclusive: {
    partial: true,
    text: 'only one or none of these fields must be set',
    holds: (values) => values.filter(isNonEmpty).length <= 1,
  },
} satisfies Record<string, ListCheck>

function isNonEmpty(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0
  return value !== undefined && value !== null && value !== ''
}

/** Kong's list of names for a message: `'a', 'b'`. */
function quoted(names: readonly string[]): string {
  return names.map((name) => `'${name}'`).join(', ')
}

/** Where a rule's fields are, and where its faults go. */
interface Scope {
  record: Field
  value: unknown
  /** The path below `config` of a field of this record. */
  place(name: string): string
  faults: Fault[]
}

/** Runs the entity checks of a plugin's config; one for each schema, since it keeps what it compiled. */
export class EntityChecker {
  readonly #validators = new Map<Field, Map<string, Validator>>()
  readonly #config: Field
  readonly #plugin: Field

  /** `pluginChecks` look at the whole plugin: their paths begin with `config.` */
  constructor(config: Field, pluginChecks: readonly EntityCheck[]) {
    this.#config = config
    this.#plugin = { type: 'record', fields: [{ config }], entity_checks: pluginChecks }
  }

  /** Adds the faults of every rule: of nested records first, then of the config, then of the plugin. */
  check(config: unknown, faults: Fault[], unresolved: Unresolved): void {
    this.#inside(this.#config, config, '', faults, unresolved)
    const place = (name: string): string => name.replace(/^config\./, '')
    this.#rules({ record: this.#plugin, value: { config }, place, faults }, unresolved)
  }

  #inside(field: Field, value: unknown, path: string, faults: Fault[], unresolved: Unresolved): void {
    if (Array.isArray(value)) {
      if (!field.elements) return
      for (const [i, item] of value.entries()) {
        this.#inside(field.elements, item, `${path}[${i}]`, faults, unresolved)
      }
    } else if (isObject(value)) {
      for (const [name, child] of fieldsOf(field)) {
        this.#inside(child, own(value, name), join(path, name), faults, unresolved)
      }
      if (field.values) {
        for (const [key, item] of Object.entries(value)) {
          this.#inside(field.values, item, join(path, key), faults, unresolved)
        }
      }
      this.#rules({ record: field, value, place: (name) => join(path, name), faults }, unresolved)
    }
  }

  #rules(scope: Scope, unresolved: Unresolved): void {
    for (const check of scope.record.entity_checks ?? []) {
      const message = this.#rule(check, scope, unresolved)
      if (message !== undefined) scope.faults.push({ path: scope.place('@entity'), message })
    }
  }

  /** @returns the fault of the entity, if the rule is broken */
  #rule(check: EntityCheck, scope: Scope, unresolved: Unresolved): string | undefined {
    for (const [name, rule] of Object.entries(LIST_CHECKS) as [keyof typeof LIST_CHECKS, ListCheck][]) {
      const names = check[name]
      if (names === undefined) continue
      const { partial = false, faulty = false, text } = rule
      if (!runs(scope, names, partial ? [] : names, partial, unresolved)) return undefined
      if (!faulty && names.some((field) => hasFault(scope, field))) return undefined
      const values = names.map((field) => lookUp(scope, field).value)
      return rule.holds(values) ? undefined : `${text}: ${quoted(names)}`
    }
    if (check.mutually_exclusive_sets) return exclusiveSets(check.mutually_exclusive_sets, scope, unresolved)
    if (check.conditional) return this.#conditional(check.conditional, scope, unresolved)
    if (check.conditional_at_least_one_of) {
      return this.#atLeastOneOf(check.conditional_at_least_one_of, scope, unresolved)
    }
    throw new Error(`unknown entity check: ${Object.keys(check).join()}`)
  }

  #conditional(rule: Conditional, scope: Scope, unresolved: Unresolved): string | undefined {
    const { if_field, then_field, then_match } = rule
    if (!runs(scope, [if_field, then_field], [if_field], false, unresolved)) return undefined
    if (this.#mismatch(scope, if_field, rule.if_match) !== undefined) return undefined

    const failed = `failed conditional validation given value of field '${if_field}'`
    if (then_match.required && (lookUp(scope, then_field).value ?? null) === null) {
      setFault(scope, then_field, REQUIRED)
      return failed
    }
    const mismatch = this.#mismatch(scope, then_field, then_match)
    if (mismatch === undefined) return undefined
    setFault(scope, then_field, mismatch)
    return rule.then_err?.replace('%s', () => if_field) ?? failed
  }

  #atLeastOneOf(rule: ConditionalAtLeastOneOf, scope: Scope, unresolved: Unresolved): string | undefined {
    const { if_field, if_match, else_match, else_then_at_least_one_of: otherwise = [] } = rule
    if (!runs(scope, [if_field, ...rule.then_at_least_one_of, ...otherwise], [], true, unresolved))
      return undefined
    if (lookUp(scope, if_field).value === undefined) return undefined

    let names = rule.then_at_least_one_of
    let text = rule.then_err
    if (this.#mismatch(scope, if_field, if_match) !== undefined) {
      if (else_match === undefined || this.#mismatch(scope, if_field, else_match) !== undefined)
        return undefined
      names = otherwise
      text = rule.else_then_err
    }
    if (names.some((name) => isNonEmpty(lookUp(scope, name).value))) return undefined
    const list = quoted(names)
    return text?.replace('%s', () => list) ?? `${LIST_CHECKS.at_least_one_of.text}: ${list}`
  }

  /** Why a field's value does not pass the field's own checks joined with others; `undefined` if it passes. */
  #mismatch(scope: Scope, name: string, match: Match): string | undefined {
    const { field, value } = lookUp(scope, name)
    const wanted = { ...field, ...match }
    if (value === undefined || value === null) {
      if (wanted.eq !== undefined) return `value must be ${wanted.eq}`
      return wanted.required ? REQUIRED : undefined
    }
    return field ? this.#validator(field, match)(value)[0]?.message : UNKNOWN
  }

  /** Compiled once for each field and match, however many items of an array it looks at. */
  #validator(field: Field, match: Match): Validator {
    const ofField = this.#validators.get(field) ?? new Map<string, Validator>()
    this.#validators.set(field, ofField)
    const key = JSON.stringify(match)
    const validate = ofField.get(key) ?? compileField({ ...field, ...match })
    ofField.set(key, validate)
    return validate
  }
}

function exclusiveSets(
  { set1, set2 }: NonNullable<EntityCheck['mutually_exclusive_sets']>,
  scope: Scope,
  unresolved: Unresolved,
): string | undefined {
  const names = [...set1, ...set2]
  if (!runs(scope, names, [], true, unresolved)) return undefined
  if (names.some((name) => hasFault(scope, name))) return undefined
  const given = [set1, set2].map((set) => set.filter((name) => isNonEmpty(lookUp(scope, name).value)))
  if (given.some((set) => set.length === 0)) return undefined
  return `these sets are mutually exclusive: ${given.map((set) => `(${quoted(set)})`).join(', ')}`
}

/** Whether there is enough for a rule to judge. A required field that is not there gets a fault of its own. */
function runs(
  scope: Scope,
  names: readonly string[],
  required: readonly string[],
  partial: boolean,
  unresolved: Unresolved,
): boolean {
  const states = names.map((name) => lookUp(scope, name))
  if (states.some(({ field, value }) => field?.referenceable && unresolved(value))) return false
  if (partial) return true
  if (states.every(({ value }) => value === undefined)) return false
  const missing = required.filter((name) => lookUp(scope, name).value === undefined)
  for (const name of missing) setFault(scope, name, 'field required for entity check')
  return missing.length === 0
}

/** The definition and the state of a field, by its dotted path below the record. */
function lookUp(scope: Scope, name: string): { field: Field | undefined; value: unknown } {
  let field: Field | undefined = scope.record
  let value: unknown = scope.value
  for (const part of name.split('.')) {
    field = field && fieldsOf(field).get(part)
    const given = own(value, part)
    const optional = isObject(value) && field !== undefined && !field.required
    value = given ?? (optional ? null : undefined)
  }
  return { field, value }
}

/** Kong looks for faults of whole fields only: a dotted path never has one. */
function hasFault(scope: Scope, name: string): boolean {
  if (name.includes('.')) return false
  const path = scope.place(name)
  return scope.faults.some(
    (fault) =>
      fault.path === path || (/^[.[]/.test(fault.path.slice(path.length)) && fault.path.startsWith(path)),
  )
}

/** Replaces the field's fault; the fault of a record that it is in stands for both. */
function setFault(scope: Scope, name: string, message: string): void {
  const path = scope.place(name)
  const present = scope.faults.find(
    (fault) => fault.path === path || fault.path === '' || path.startsWith(`${fault.path}.`),
  )
  if (present === undefined) scope.faults.push({ path, message })
  else if (present.path === path) present.message = message
}
