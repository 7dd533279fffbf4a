import * as fc from 'fast-check'
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base'
import { describe, expect, it } from 'vitest'
import { lastCut, pieces } from '../../../../lib/llm/tokens/pieces.js'

const PLAIN = { disallowedSpecial: new Set<string>() }
const whole = (text: string) => countTokens(text, PLAIN)
const cut = (text: string) => [...pieces(text)].reduce((sum, piece) => sum + whole(piece), 0)

const TEXTS = {
  English: "The operators' dashboards don't show it; they'll see 1,234,567 requests on 2024-05-06. ",
  CJK: '操作员看不到它，但他们会看到一千二百个请求。オペレーターはそれを見ていません、しかし要求は増えています。',
  code: 'export function sum(values: number[]): number {\n\treturn values.reduce((a, b) => a + b, 0)\n}\n\n',
  emoji: 'Yes 👍🏽 and 👨‍👩‍👧‍👦 — no 🙅‍♀️, perhaps 🤷! ',
  German: 'Übergrößenträger fährt häufig über die Straße; Donaudampfschifffahrt, »wörtlich«. ',
  numbers: '3.14159 26,535 0x7f 12:30:45 1e-9 50% 2024-05-06T07:08:09Z [1, 2, 3] ',
  tables: `| name | value |\n|${'-'.repeat(150)}|\n${' '.repeat(200)}x = 1\n`,
}

describe('pieces of a text', () => {
  it.each(Object.entries(TEXTS))('have the tokens of the whole: %s', (_, text) => {
    const long = text.repeat(Math.ceil(60_000 / text.length))
    expect([...pieces(long)].length).toBeGreaterThan(10)
    expect(cut(long)).toBe(whole(long))
  })

  it('are the same wherever the text was cut before', () => {
    const anyText = fc.constantFrom(...Object.values(TEXTS)).map((text) => text.repeat(12))
    fc.assert(
      fc.property(fc.array(anyText, { minLength: 2, maxLength: 6 }), fc.nat(), (texts, place) => {
        const text = texts.join('')
        const head = text.slice(0, place % text.length)
        const end = lastCut(head)
        expect(cut(text.slice(0, end)) + cut(text.slice(end))).toBe(cut(text))
      }),
    )
  })

  it('add up to the text, whatever it is', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 900 }), { maxLength: 20 }), (texts) => {
        const text = texts.join('')
        const [...cuts] = pieces(text)
        expect(cuts.join('')).toBe(text)
        expect(cuts).not.toContain('')
      }),
    )
  })

  it.each([
    ['letters', 'a'.repeat(100_000)],
    ['signs', '='.repeat(100_000)],
    ['spaces', ' '.repeat(100_000)],
    ['letters of three bytes', '中'.repeat(20_000)],
  ])('are short where a run would take quadratic time: %s', (_, text) => {
    for (const piece of pieces(text)) expect(piece.length).toBeLessThanOrEqual(256)
  })

  it('never cut a character in two', () => {
    const whole = /^(?:𝒳)+$/ // half of it would not match
    for (const piece of pieces('𝒳'.repeat(10_000))) expect(piece).toMatch(whole)
  })
})
