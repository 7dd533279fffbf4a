import { createRequire } from 'node:module'
import * as fc from 'fast-check'
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

function messageFor(field: Field, value: unknown): string | undefined {
  return faultsOf({ a: field }, { a: value })[0]?.message
}

describe('lib/schema', () => {
  it('loads no schema compiler before a config is checked', () => {
    const { cache } = createRequire(import.meta.url)
    const loaded = () => Object.keys(cache).some((file) => file.includes('/ajv/'))
    const schema = schemaOf({ a: { type: 'string' } })
    schema.dump()
    expect(loaded()).toBe(false)
    schema.check({})
    expect(loaded()).toBe(true)
  })

  it("takes name, priority and version from the module, else the file's name, 0 and 0.0.0", () => {
    expect(configSchema({ Plugin, Name: 'My-Plugin', Version: '1.2.3', Priority: 7 }, 'x')).toMatchObject({
      name: 'my-plugin',
      version: '1.2.3',
      priority: 7,
    })
    expect(configSchema({ Plugin }, 'x')).toMatchObject({ name: 'x', version: '0.0.0', priority: 0 })
  })

  it('refuses a definition that is none of the language', () => {
    const unknownType = { type: 'date' } as unknown as Field
    expect(() => faultsOf({ a: unknownType }, {})).toThrow('invalid type: date')
    const unknownCheck = { never_both: ['a'] } as unknown as EntityCheck
    expect(() => faultsOf({}, {}, { ConfigChecks: [unknownCheck] })).toThrow(
      'unknown entity check: never_both',
    )
  })

  describe('says about a field what Kong says', () => {
    const string: Field = { type: 'string' }
    const list: Field = { type: 'array', elements: string }
    const record: Field = { type: 'record', fields: [{ a: string }] }
    const digits = { pattern: '%d', err: 'no digits' }
    it.each<[Field, unknown, string]>([
      [string, 1, 'expected a string'],
      [{ type: 'number' }, '1', 'expected a number'],
      [{ type: 'number' }, NaN, 'expected a number'],
      [{ type: 'integer' }, 1.5, 'expected an integer'],
      [{ type: 'integer' }, Infinity, 'expected an integer'],
      [{ type: 'boolean' }, 'true', 'expected a boolean'],
      [list, 'x', 'expected an array'],
      [{ ...list, type: 'set' }, { a: 1 }, 'expected a set'],
      [{ type: 'map', keys: string, values: string }, 'x', 'expected a map'],
      [record, 'x', 'expected a record'],
      [record, ['x'], 'expected a record'],
      [{ ...string, eq: 'x' }, 'y', 'value must be x'],
      [{ ...string, ne: 'x' }, 'x', 'value must not be x'],
      [{ ...string, one_of: ['a', 'b', 'c'] }, 'd', 'expected one of: a, b, c'],
      [{ ...string, not_one_of: ['a', 'b'] }, 'b', 'must not be one of: a, b'],
      [{ type: 'number', gt: 0 }, 0, 'value must be greater than 0'],
      [{ type: 'number', between: [0, 5] }, 5.1, 'value should be between 0 and 5'],
      [{ type: 'integer', between: [0, 5] }, -1, 'value should be between 0 and 5'],
      [string, '', 'length must be at least 1'],
      [{ ...string, len_min: 3 }, 'ab', 'length must be at least 3'],
      [{ ...string, len_max: 3 }, 'abcd', 'length must be at most 3'],
      [{ ...string, len_eq: 3 }, 'abcd', 'length must be 3'],
      [{ ...list, len_min: 1 }, [], 'length must be at least 1'],
      [
        { type: 'map', keys: string, values: string, len_max: 1 },
        { a: 'a', b: 'b' },
        'length must be at most 1',
      ],
      [{ ...string, starts_with: '/a.' }, '/ab', 'should start with: /a.'],
      [{ ...string, match: '^%a+$' }, 'a1', 'invalid value: a1'],
      [{ ...string, not_match: '%s' }, 'a b', 'invalid value: a b'],
      [{ ...string, match_all: [digits] }, 'a', 'no digits'],
      [{ ...string, match_none: [digits] }, '1', 'no digits'],
      [{ ...string, match_any: { patterns: ['^a', '^b'], err: 'a or b' } }, 'c', 'a or b'],
      [{ ...list, contains: 'x' }, ['y'], 'expected to contain: x'],
      [{ ...string, one_of: ['a'], err: 'only a will do' }, 'b', 'only a will do'],
    ])('%j, given %j', (field, value, message) => {
      expect(faultsOf({ a: field }, { a: value })).toEqual([{ path: 'a', message }])
    })

    it('and nothing about a value that passes', () => {
      const passing: [Field, unknown][] = [
        [{ ...string, match: '^%a+$', starts_with: 'a', len_eq: 2, one_of: ['ab'] }, 'ab'],
        [{ ...string, len_min: 0 }, ''],
        [{ type: 'number', between: [0, 5] }, 5],
        [{ type: 'number', gt: 0 }, 0.1],
        [{ ...list, contains: 'x', len_max: 2 }, ['y', 'x']],
        [{ ...string, match_any: { patterns: ['^a', '^b'], err: '' } }, 'b'],
      ]
      for (const [field, value] of passing) expect(messageFor(field, value)).toBeUndefined()
    })
  })

  it('says one thing about a field: what Kong checks first', () => {
    const field: Field = { type: 'string', len_min: 3, one_of: ['abc'], match: '^a' }
    expect(faultsOf({ a: field }, { a: '' })).toEqual([{ path: 'a', message: 'expected one of: abc' }])
    expect(faultsOf({ a: field }, { a: 7 })).toEqual([{ path: 'a', message: 'expected a string' }])
  })

  it('reports missing and unknown fields and every fault at its path', () => {
    const target: Field = { type: 'record', fields: [{ model: { type: 'string', required: true } }] }
    const fields: Record<string, Field> = {
      name: { type: 'string', required: true },
      targets: { type: 'array', elements: target },
      tags: { type: 'map', keys: { type: 'string', match: '^%l+$' }, values: { type: 'string' } },
    }
    const config = { targets: [{ model: 'm' }, { modell: 'm' }, null], tags: { a: 1 }, extra: true }
    expect(faultsOf(fields, config)).toEqual(
      expect.arrayContaining([
        { path: 'name', message: 'required field missing' },
        { path: 'extra', message: 'unknown field' },
        { path: 'targets[1].model', message: 'required field missing' },
        { path: 'targets[1].modell', message: 'unknown field' },
        { path: 'targets[2]', message: 'required field missing' },
        { path: 'tags.a', message: 'expected a string' },
      ]),
    )
    expect(faultsOf(fields, config)).toHaveLength(6)
    expect(faultsOf(fields, { name: 'n', tags: { A: 'x' } })).toEqual([
      { path: 'tags', message: 'invalid value: A' },
    ])
  })

  describe('vault references', () => {
    const key: Field = { type: 'string', referenceable: true, len_max: 8, match: '^sk' }
    const fields: Record<string, Field> = {
      key,
      name: { type: 'string' },
      keys: { type: 'array', elements: key },
      targets: { type: 'array', elements: { type: 'record', fields: [{ key }] } },
    }
    const ConfigChecks = [{ mutually_required: ['name', 'key'] }]

    it('names the fields that take them', () => {
      expect(schemaOf(fields).referenceable).toEqual(['key', 'keys.*', 'targets.*.key'])
    })

    it('pass every check of their field, and no rule judges them', () => {
      expect(faultsOf(fields, { key: '{vault://env/my-key}' }, { ConfigChecks })).toEqual([])
      expect(faultsOf(fields, { keys: ['{vault://env/my-key}', 'pk'] })).toEqual([
        { path: 'keys[1]', message: 'invalid value: pk' },
      ])
      expect(faultsOf({ name: { type: 'string', len_max: 8 } }, { name: '{vault://env/my-key}' })).toEqual([
        { path: 'name', message: 'length must be at most 8' },
      ])
    })

    it('that were resolved to nothing pass as well, when told that they were', () => {
      const schema = schemaOf(fields, { ConfigChecks })
      expect(schema.check({ key: '', name: 'n' }, { resolved: true }).faults).toEqual([])
      expect(schema.check({ key: '', name: 'n' }).faults).not.toEqual([])
      expect(schema.check({ key: 'sk', name: '' }, { resolved: true }).faults).not.toEqual([])
    })
  })

  it("asks the module's own validate about a config without other faults only", () => {
    const seen: unknown[] = []
    const validate = (config: never) => {
      seen.push(config)
      return [{ path: 'a', message: 'not on Mondays' }]
    }
    const schema = schemaOf({ a: { type: 'string', default: 'x' } }, { validate })
    expect(schema.check({ a: 1 }).faults).toEqual([{ path: 'a', message: 'expected a string' }])
    expect(seen).toEqual([])
    expect(schema.check({}).faults).toEqual([{ path: 'a', message: 'not on Mondays' }])
    expect(seen).toEqual([{ a: 'x' }])
  })

  describe('hostile configs', () => {
    const leaf: Field = { type: 'string', required: true, match: '^a' }
    const schema = schemaOf(
      {
        record: { type: 'record', fields: [{ leaf }, { on: { type: 'boolean', default: true } }] },
        list: { type: 'array', elements: { type: 'record', fields: [{ leaf }] } },
        map: { type: 'map', keys: { type: 'string' }, values: { type: 'integer' } },
        leaf,
      },
      { ConfigChecks: [{ mutually_required: ['record.on', 'leaf'] }, { distinct: ['leaf', 'record.leaf'] }] },
    )
    const names = fc.constantFrom(
      'record',
      'list',
      'map',
      'leaf',
      'on',
      '__proto__',
      'constructor',
      '0',
      'a.b',
      '',
    )
    const anything = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.anything({ withBigInt: true, withNullPrototype: true }),
        fc.constantFrom('a', null, undefined, 1, true, Symbol('s')),
        fc.array(tie('value'), { maxLength: 3 }),
        fc
          .array(fc.tuple(names, tie('value')), { maxLength: 4 })
          .map((entries) => Object.fromEntries(entries)),
      ),
    })).value

    it('never make it throw, nor reach a prototype', () => {
      fc.assert(
        fc.property(anything, (given) => {
          const { config, faults } = schema.check(given)
          expect(Object.getPrototypeOf(config)).toBe(Object.prototype)
          for (const { path, message } of faults)
            expect([typeof path, typeof message]).toEqual(['string', 'string'])
          expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
        }),
        { numRuns: 500 },
      )
    })

    it('report a __proto__ key as what it is', () => {
      const given: unknown = JSON.parse(
        '{"leaf":"a","__proto__":{"polluted":1},"record":{"leaf":"b","__proto__":{}}}',
      )
      expect(schema.check(given).faults).toEqual(
        expect.arrayContaining([
          { path: '__proto__', message: 'unknown field' },
          { path: 'record.__proto__', message: 'unknown field' },
        ]),
      )
    })

    it('may be nested as deep as they like, or endlessly', () => {
      let deep: unknown = 'end'
      for (let i = 0; i < 100_000; i++) deep = { record: deep }
      const circle: Record<string, unknown> = { leaf: 'a' }
      circle.self = circle
      circle.record = circle
      expect(schema.check(deep).faults).not.toEqual([])
      expect(schema.check(circle).faults).toContainEqual({ path: 'self', message: 'unknown field' })
    })
  })
})
