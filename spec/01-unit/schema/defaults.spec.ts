import { describe, expect, it } from 'vitest'
import type { Field } from '../../../lib/schema/field.js'
import { configSchema } from '../../../lib/schema/schema.js'

class Plugin {
  access(): void {}
}

function schemaOf(fields: Record<string, Field>) {
  const Schema = Object.entries(fields).map(([name, field]) => ({ [name]: field }))
  return configSchema({ Plugin, Schema }, 'test')
}

describe('fills in defaults as Kong does', () => {
  const inner: Field = { type: 'record', fields: [{ on: { type: 'boolean', default: true } }] }

  it('in required records that are missing, not in optional ones', () => {
    const schema = schemaOf({ must: { ...inner, required: true }, may: inner })
    expect(schema.check({}).config).toEqual({ must: { on: true } })
    expect(schema.check({ may: {} }).config).toEqual({ must: { on: true }, may: { on: true } })
  })

  it('for null as for nothing', () => {
    const schema = schemaOf({ n: { type: 'number', default: 5 }, s: { type: 'string' }, r: inner })
    expect(schema.check({ n: null, s: null, r: null, unknown: null })).toEqual({
      config: { n: 5 },
      faults: [],
    })
    expect(schema.check(null)).toEqual({ config: { n: 5 }, faults: [] })
  })

  it('in the items of arrays, and each time anew', () => {
    const schema = schemaOf({
      list: { type: 'array', elements: inner, default: [{}] },
    })
    const first = schema.check({}).config
    expect(first).toEqual({ list: [{ on: true }] })
    expect(schema.check({}).config.list).not.toBe(first.list)
  })

  it('without touching the given config', () => {
    const given = Object.freeze({ may: Object.freeze({}) })
    expect(schemaOf({ may: inner }).check(given).config).toEqual({ may: { on: true } })
    expect(given).toEqual({ may: {} })
  })

  it('and takes the one empty table of Lua for whatever is meant', () => {
    const list: Field = { type: 'array', elements: { type: 'string' } }
    const map: Field = { type: 'map', keys: { type: 'string' }, values: { type: 'string' } }
    const schema = schemaOf({ inner, list, set: { ...list, type: 'set' }, map })
    expect(schema.check({ inner: [], list: {}, set: {}, map: [] })).toEqual({
      config: { inner: { on: true }, list: [], set: [], map: {} },
      faults: [],
    })
  })

  it('and keeps one of each in a set', () => {
    const schema = schemaOf({ set: { type: 'set', elements: { type: 'string' } } })
    expect(schema.check({ set: ['a', 'b', 'a'] }).config).toEqual({ set: ['a', 'b'] })
  })
})
