import { Ajv2020 } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../lib/llm/json.js'
import { sample } from '../../../lib/mock/sample.js'

const ajv = new Ajv2020({ strict: false })
formats.default(ajv)

const SCHEMAS: Record<string, JsonObject> = {
  'required properties only, where some are': {
    type: 'object',
    properties: { a: { type: 'string' }, b: { type: 'number' } },
    required: ['a'],
    additionalProperties: false,
  },
  'all properties, where none is': {
    type: 'object',
    properties: { a: { type: 'boolean' }, b: { type: 'null' } },
  },
  'the first of an enum': { enum: ['celsius', 'fahrenheit'] },
  'a constant': { const: { deep: [1] } },
  'numbers between their limits': {
    type: 'array',
    items: { anyOf: [{ type: 'integer', minimum: 18, maximum: 20 }] },
    minItems: 2,
  },
  'a number above an exclusive limit': { type: 'number', exclusiveMinimum: 4.5 },
  'a number below its maximum': { type: 'number', maximum: -3 },
  'strings of a length and a format': {
    type: 'object',
    properties: {
      long: { type: 'string', minLength: 20 },
      day: { type: 'string', format: 'date' },
      at: { type: 'string', format: 'date-time' },
      id: { type: 'string', format: 'uuid' },
      mail: { type: 'string', format: 'email' },
      link: { type: 'string', format: 'uri' },
    },
  },
  'nullable types': { type: ['string', 'null'] },
  alternatives: {
    oneOf: [{ type: 'object', properties: { kind: { const: 'a' } }, required: ['kind'] }, { type: 'null' }],
  },
  'parts in one': {
    allOf: [
      { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] },
      { type: 'object', properties: { b: { type: 'integer' } }, required: ['b'] },
    ],
  },
  'references within the schema': {
    type: 'object',
    properties: { person: { $ref: '#/$defs/person' } },
    required: ['person'],
    $defs: { person: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] } },
  },
}

describe("the mock's value of a JSON schema", () => {
  it.each(Object.entries(SCHEMAS))('satisfies %s', (_, schema) => {
    const value = sample(schema)
    ajv.validate(schema, value)
    expect({ value, errors: ajv.errors }).toEqual({ value, errors: null })
  })

  it('is an object where nothing is asked', () => {
    expect(sample({})).toEqual({ answer: 'mock' })
  })

  it("reads Gemini's upper-case types", () => {
    const schema = { type: 'OBJECT', properties: { n: { type: 'INTEGER' }, s: { type: 'STRING' } } }
    expect(sample(schema)).toEqual({ n: 1, s: 'mock' })
  })

  it('comes to an end where a schema contains itself', () => {
    const schema = {
      $ref: '#/$defs/node',
      $defs: { node: { type: 'object', properties: { next: { $ref: '#/$defs/node' } } } },
    }
    expect(JSON.stringify(sample(schema)).length).toBeLessThan(1000)
    expect(sample({ $ref: '#' })).toBe('mock')
  })
})
