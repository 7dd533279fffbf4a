import { createRequire } from 'node:module'
import { runInThisContext } from 'node:vm'
import type { SchemaObject, ValidateFunction } from 'ajv'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { schemasOf } from '../../../lib/schema/ahead.js'
import { compile, compileAhead } from '../../../lib/schema/compiler.js'
import type { EntityCheck, Field } from '../../../lib/schema/field.js'
import { jsonSchema } from '../../../lib/schema/json-schema.js'
import * as aiProxy from '../../../plugins/ai-proxy/index.js'

class Plugin {
  access(): void {}
}

/** The validators in a module's text, in the order of their schemas. */
function loaded(text: string): ValidateFunction[] {
  const exported: Record<string, ValidateFunction> = {}
  runInThisContext(`(function (exports, require) {${text}\n})`)(exported, createRequire(import.meta.url))
  return Object.values(exported)
}

const jsonOf = (field: Field): SchemaObject => jsonSchema(field, new Map())

describe('validators that the build compiles', () => {
  it('find in a config of ai-proxy what those find that are compiled when it is checked', () => {
    const [schema] = schemasOf(aiProxy)
    const [ahead] = loaded(compileAhead([schema!]))
    const now = compile(schema!)
    const field = fc.oneof(fc.string({ unit: 'grapheme' }), fc.integer(), fc.boolean(), fc.constant(null))
    const config = fc.record(
      {
        route_type: fc.oneof(fc.constantFrom('llm/v1/chat', 'preserve'), field),
        auth: fc.oneof(fc.record({ header_name: field, header_value: field, more: field }), field),
        model: fc.record({ provider: fc.oneof(fc.constant('openai'), field), name: field, options: field }),
        targets: fc.array(fc.oneof(fc.record({ weight: field }), field)),
        timeouts: fc.dictionary(fc.constantFrom('connect', 'idle', 'other'), field),
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(config, (given) => {
        expect(ahead!(given)).toBe(now(given))
        expect(ahead!.errors).toEqual(now.errors)
      }),
    )
  })

  it('are those of the config, and of each field that a rule at any depth holds against something', () => {
    const mode: Field = { type: 'string' }
    const rule: EntityCheck = {
      conditional: { if_field: 'mode', if_match: { eq: 'a' }, then_field: 'in.n', then_match: { gt: 1 } },
    }
    const list: EntityCheck = {
      conditional_at_least_one_of: {
        if_field: 'config.mode',
        if_match: { eq: 'b' },
        then_at_least_one_of: ['config.in'],
      },
    }
    const n: Field = { type: 'number' }
    const inner: Field = { type: 'record', fields: [{ mode }, { in: { type: 'record', fields: [{ n }] } }] }
    const items: Field = { type: 'array', elements: { ...inner, entity_checks: [rule] } }
    const Schema = [{ mode }, { items }]
    expect(schemasOf({ Plugin, Schema, EntityChecks: [list] })).toEqual(
      [
        { type: 'record', required: true, fields: Schema } satisfies Field,
        { ...mode, eq: 'b' },
        { ...mode, eq: 'a' },
        { ...n, gt: 1 },
      ].map(jsonOf),
    )
  })

  it('are kept once for schemas that are the same', () => {
    expect(loaded(compileAhead([jsonOf({ type: 'string' }), jsonOf({ type: 'string' })]))).toHaveLength(1)
  })
})
