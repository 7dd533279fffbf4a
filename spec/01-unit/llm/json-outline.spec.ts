import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isObject, type Json } from '../../../lib/llm/json.js'
import { outlineOf } from '../../../lib/llm/json-outline.js'

const LONG = 256

/** What an outline of the value should be, found by parsing it all. */
function emptied(value: Json | undefined): Json | undefined {
  if (typeof value === 'string') return isLong(value) ? '' : value
  if (Array.isArray(value)) return value.map((item) => emptied(item)!)
  if (!isObject(value)) return value
  const entries = Object.entries(value).map(([name, item]) => [isLong(name) ? '' : name, emptied(item)])
  return Object.fromEntries(entries) as Json
}

/** As it is written: with its escapes. */
function isLong(text: string): boolean {
  return Buffer.byteLength(JSON.stringify(text)) - 1 > LONG
}

/** Texts with everything that a string of JSON may have inside, some of them long. */
const text = fc
  .tuple(fc.array(fc.constantFrom('a', '"', '\\', '\n', 'é', '😀', '{', '}', ':', ',', '\\"')), fc.nat(200))
  .map(([parts, times]) => parts.join('').repeat(times))

const { tree } = fc.letrec<{ tree: Json; node: Json }>((tie) => ({
  tree: fc.dictionary(fc.string(), tie('node'), { noNullPrototype: true }),
  node: fc.oneof(
    { depthSize: 'small' },
    text,
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('node'), { maxLength: 4 }),
    tie('tree'),
  ),
}))

describe('the outline of a JSON object', () => {
  it('is the object with an empty string in place of each long one, or nothing', () => {
    fc.assert(
      fc.property(tree, fc.constantFrom(undefined, 2), (value, space) => {
        const outline = outlineOf(Buffer.from(JSON.stringify(value, null, space)))
        expect([undefined, emptied(value)]).toContainEqual(outline?.fields)
      }),
      { numRuns: 300 },
    )
  })

  it('has the names and short values of a request whose texts are long', () => {
    const content = 'He said "no\\" and\nleft. '.repeat(5000)
    const request = { model: 'm', messages: [{ role: 'user', content }], stream: false }
    const outline = outlineOf(Buffer.from(JSON.stringify(request)))
    expect(outline?.fields).toEqual({ model: 'm', messages: [{ role: 'user', content: '' }], stream: false })
    expect(outline!.text.length).toBeLessThan(200)
  })

  it('is the text without the inside of the long strings, whatever their bytes are', () => {
    const [long, valid] = [Buffer.alloc(300, 0xc3), 'é😀']
    const json = Buffer.concat([Buffer.from(`{"a":"${valid}","b":"`), long, Buffer.from(`","${valid}":[1]}`)])
    expect(outlineOf(json)).toEqual({
      fields: { a: valid, b: '', [valid]: [1] },
      text: `{"a":"${valid}","b":"","${valid}":[1]}`,
    })
  })

  it('ends a string behind an even number of backslashes', () => {
    const value = { a: `${'x'.repeat(300)}\\\\`, b: `${'y'.repeat(300)}\\"`, c: 1 }
    expect(outlineOf(Buffer.from(JSON.stringify(value)))?.fields).toEqual({ a: '', b: '', c: 1 })
  })

  it('is given up where the texts are short', () => {
    const many = Array.from({ length: 5000 }, (_, i) => ({ text: `short ${i}` }))
    expect(outlineOf(Buffer.from(JSON.stringify({ many })))).toBeUndefined()
  })

  it.each(['', '[1]', '"text"', `{"a":"${'x'.repeat(300)}`, `{"a":"${'x'.repeat(300)}" "b"}`, '{"a":'])(
    'is none of %.20j, which is no JSON object',
    (json) => {
      expect(outlineOf(Buffer.from(json))).toBeUndefined()
    },
  )
})
