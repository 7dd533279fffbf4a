import { array, assert, constantFrom, nat, property, string } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { utf8 } from '../../../lib/llm/utf8.js'

describe('the bytes of a text', () => {
  it.each([
    ['none', ''],
    ['a short one', 'été'],
    ['a long one of ASCII', 'a'.repeat(10_000)],
    ['a long one with other characters', 'abcdé'.repeat(10_000)],
    ['one of no ASCII at all', '日本'.repeat(10_000)],
    ['half characters', '\ud83c'.repeat(5000)],
  ])('are those of UTF-8: %s', (_, text) => {
    expect(utf8(text).equals(Buffer.from(text))).toBe(true)
  })

  it('are those of UTF-8 where its length is guessed right or nearly so', () => {
    const end = array(constantFrom('a', 'é', '日', '🎉', '\udf89'), { maxLength: 12 })
    assert(
      property(nat(500), nat(40), end, string({ unit: 'binary' }), (ascii, wide, last, any) => {
        const text = 'a'.repeat(4000 + ascii) + 'é'.repeat(250 + wide) + any + last.join('')
        expect(utf8(text).equals(Buffer.from(text))).toBe(true)
      }),
    )
  })
})
