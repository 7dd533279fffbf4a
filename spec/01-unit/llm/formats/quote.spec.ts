import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { quote } from '../../../../lib/llm/formats/quote.js'

describe('a quoted text', () => {
  it.each([
    '',
    'plain',
    'été 日本',
    '"',
    '\\',
    '\n',
    '\u0000',
    '\u001f',
    '\u007f',
    '\u2028',
    '🎉',
    '\ud83c',
    '\udf89',
  ])('is JSON: %j', (text) => {
    expect(quote(text)).toBe(JSON.stringify(text))
  })

  it('is what JSON.stringify makes of it, whatever it is', () => {
    const units = fc.array(fc.nat(0xffff), { maxLength: 20 }).map((codes) => String.fromCharCode(...codes))
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), units), (text) => {
        expect(quote(text)).toBe(JSON.stringify(text))
      }),
      { numRuns: 1000 },
    )
  })
})
