import { describe, expect, it } from 'vitest'
import type { EntityCheck, Field } from '../../../lib/schema/field.js'
import { configSchema } from '../../../lib/schema/schema.js'

class Plugin {
  access(): void {}
}

function schemaOf(fields: Record<string, Field>, more: object = {}) {
  const Schema = Object.entries(fields).map(([name, field]) => ({ [name]: field }))
  return configSchema({ Plugin, Schema, ...more }, 'test')
}

function faultsOf(fields: Record<string, Field>, config: unknown, more: object = {}) {
  return schemaOf(fields, more).check(config).faults
}

describe('entity checks', () => {
  const a: Field = { type: 'string' }
  const fields = { a, b: a, c: a, n: { type: 'number' } satisfies Field }
  const broken = (check: EntityCheck, config: object) =>
    faultsOf(fields, config, { ConfigChecks: [check] }).map(({ path, message }) => `${path}: ${message}`)

  it.each<[EntityCheck, string, object[], object[]]>([
    [
      { at_least_one_of: ['a', 'b'] },
      "at least one of these fields must be non-empty: 'a', 'b'",
      [{ a: 'x' }, { a: 'x', b: 'x' }],
      [{}, { c: 'x' }],
    ],
    [
      { only_one_of: ['a', 'b', 'c'] },
      "exactly one of these fields must be non-empty: 'a', 'b', 'c'",
      [{ a: 'x' }],
      [{}, { a: 'x', b: 'x' }, { a: 'x', b: 'x', c: 'x' }],
    ],
    [
      { distinct: ['a', 'b'] },
      "values of these fields must be distinct: 'a', 'b'",
      [{}, { a: 'x', b: 'y' }],
      [{ a: 'x', b: 'x' }],
    ],
    [
      { mutually_required: ['a', 'b'] },
      "all or none of these fields must be set: 'a', 'b'",
      [{}, { a: 'x', b: 'x' }],
      [{ a: 'x' }, { b: 'x' }],
    ],
    [
      { mutually_exclusive: ['a', 'b'] },
      "only one or none of these fields must be set: 'a', 'b'",
      [{}, { b: 'x' }],
      [{ a: 'x', b: 'x' }],
    ],
    [
      { mutually_exclusive_sets: { set1: ['a'], set2: ['b', 'c'] } },
      "these sets are mutually exclusive: ('a'), ('b')",
      [{}, { a: 'x' }, { b: 'x', c: 'x' }],
      [{ a: 'x', b: 'x' }],
    ],
    [
      {
        conditional_at_least_one_of: {
          if_field: 'a',
          if_match: { eq: 'x' },
          then_at_least_one_of: ['b', 'c'],
        },
      },
      "at least one of these fields must be non-empty: 'b', 'c'",
      [{}, { a: 'y' }, { a: 'x', c: 'x' }],
      [{ a: 'x' }],
    ],
  ])('%j', (check, message, whole, faulty) => {
    for (const config of whole) expect(broken(check, config)).toEqual([])
    for (const config of faulty) expect(broken(check, config)).toEqual([`@entity: ${message}`])
  })

  it('conditional: reports the field with its own text, the entity with the given one', () => {
    const rule = { if_field: 'a', if_match: { one_of: ['x', 'y'] }, then_field: 'n', then_match: { gt: 3 } }
    expect(broken({ conditional: rule }, { a: 'z', n: 1 })).toEqual([])
    expect(broken({ conditional: rule }, { a: 'x', n: 4 })).toEqual([])
    expect(broken({ conditional: rule }, { a: 'x', n: 1 })).toEqual([
      'n: value must be greater than 3',
      "@entity: failed conditional validation given value of field 'a'",
    ])
    expect(broken({ conditional: { ...rule, then_err: 'not with %s' } }, { a: 'x', n: 1 })).toEqual([
      'n: value must be greater than 3',
      '@entity: not with a',
    ])
  })

  it('conditional: a field that has to be there', () => {
    const rule = { if_field: 'a', if_match: { eq: 'x' }, then_field: 'b', then_match: { required: true } }
    expect(broken({ conditional: rule }, { a: 'x' })).toEqual([
      'b: required field missing',
      "@entity: failed conditional validation given value of field 'a'",
    ])
  })

  it('conditional_at_least_one_of: the other branch', () => {
    const rule = {
      if_field: 'a',
      if_match: { eq: 'x' },
      then_at_least_one_of: ['b'],
      else_match: { eq: 'y' },
      else_then_at_least_one_of: ['c'],
      else_then_err: 'set %s',
    }
    expect(broken({ conditional_at_least_one_of: rule }, { a: 'y', b: 'x' })).toEqual(["@entity: set 'c'"])
    expect(broken({ conditional_at_least_one_of: rule }, { a: 'y', c: 'x' })).toEqual([])
  })

  it('a required field that a rule asks for', () => {
    const faults = faultsOf(
      { ...fields, d: { type: 'string', required: true } },
      { a: 'x' },
      {
        ConfigChecks: [{ distinct: ['a', 'd'] }],
      },
    )
    expect(faults).toEqual([{ path: 'd', message: 'field required for entity check' }])
  })

  it('wait until their fields are sound, where Kong waits', () => {
    expect(broken({ mutually_required: ['a', 'b'] }, { a: 7 })).toEqual(['a: expected a string'])
  })

  it('of nested records, in arrays too, and of the whole plugin', () => {
    const pair: Field = {
      type: 'record',
      fields: [{ a }, { b: a }],
      entity_checks: [{ mutually_required: ['a', 'b'] }],
    }
    const schema = schemaOf(
      { pair, pairs: { type: 'array', elements: pair } },
      { EntityChecks: [{ at_least_one_of: ['config.pair.a', 'config.pairs'] }] },
    )
    const message = "all or none of these fields must be set: 'a', 'b'"
    expect(schema.check({ pair: { a: 'x' }, pairs: [{ a: 'x', b: 'x' }, { b: 'x' }] }).faults).toEqual([
      { path: 'pair.@entity', message },
      { path: 'pairs[1].@entity', message },
    ])
    expect(schema.check({}).faults).toEqual([
      {
        path: '@entity',
        message: "at least one of these fields must be non-empty: 'config.pair.a', 'config.pairs'",
      },
    ])
  })
})
