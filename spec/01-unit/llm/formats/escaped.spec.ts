import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { escaped } from '../../../../lib/llm/formats/escaped.js'

describe('an escaped text, between quotes,', () => {
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
    expect(`"${escaped(text)}"`).toBe(JSON.stringify(text))
  })

  it('is what JSON.stringify makes of it, whatever it is', () => {
    const units = fc.array(fc.nat(0xffff), { maxLength: 20 }).map((codes) => String.fromCharCode(...codes))
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), units), (text) => {
        expect(`"${escaped(text)}"`).toBe(JSON.stringify(text))
      }),
      { numRuns: 1000 },
    )
  })
})
