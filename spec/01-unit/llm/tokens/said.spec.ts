import * as fc from 'fast-check'
import { countTokens as cl100k } from 'gpt-tokenizer/encoding/cl100k_base'
import { countTokens as o200k } from 'gpt-tokenizer/encoding/o200k_base'
import { countTokens as p50k } from 'gpt-tokenizer/encoding/p50k_base'
import { countTokens as r50k } from 'gpt-tokenizer/encoding/r50k_base'
import { describe, expect, it } from 'vitest'
import { countUsage } from '../../../../lib/llm/tokens/count-usage.js'
import { KeptText } from '../../../../lib/llm/tokens/kept-text.js'
import type { EncodingName } from '../../../../lib/llm/tokens/models.js'
import { pieces } from '../../../../lib/llm/tokens/pieces.js'
import { Said } from '../../../../lib/llm/tokens/said.js'
import { collectGarbage } from '../../../support/garbage-collection.js'

const ENCODINGS = { o200k_base: o200k, cl100k_base: cl100k, p50k_base: p50k, r50k_base: r50k }
const PLAIN = { disallowedSpecial: new Set<string>() }

/** Counts as the worker does, and remembers what it was given. */
class Counter {
  readonly given: string[] = []

  count(encoding: EncodingName, texts: readonly string[]): Promise<number> {
    const said = texts.filter((text) => text !== '')
    this.given.push(...said)
    const tokens = said.flatMap((text) => [...pieces(text)].map((one) => ENCODINGS[encoding](one, PLAIN)))
    return Promise.resolve(tokens.reduce((sum, one) => sum + one, 0))
  }
}

const TEXTS = {
  English: "The operators' dashboards don't show it; they'll see 1,234,567 requests on 2024-05-06. ",
  CJK: '操作员看不到它，但他们会看到一千二百个请求。オペレーターはそれを見ていません、しかし要求は増えています。',
  code: 'export function sum(values: number[]): number {\n\treturn values.reduce((a, b) => a + b, 0)\n}\n\n',
  emoji: 'Yes 👍🏽 and 👨‍👩‍👧‍👦 — no 🙅‍♀️, perhaps 🤷! ',
}
const anyText = fc.array(fc.constantFrom(...Object.values(TEXTS)), { minLength: 3, maxLength: 400 })

/** Where a text is cut into frames: anywhere, also in a character. */
function frames(text: string, lengths: number[]): string[] {
  const cut: string[] = []
  for (let start = 0, i = 0; start < text.length; i++) {
    const end = start + lengths[i % lengths.length]!
    cut.push(text.slice(start, end))
    start = end
  }
  return cut
}

const [FIRST_HALF, SECOND_HALF] = ['\ud83c', '\udf89'] as const
/** Characters of one to four bytes and halves of them, alone and behind so many others that it matters. */
const anyPiece = fc
  .tuple(
    fc.oneof(fc.constant(0), fc.integer({ min: 60, max: 70 }), fc.constant(5000)),
    fc.constantFrom(
      '',
      'a',
      '\x7f',
      '\x80',
      'é',
      '日',
      '🎉',
      FIRST_HALF,
      SECOND_HALF,
      ' ',
      FIRST_HALF + FIRST_HALF,
    ),
  )
  .map(([length, end]) => 'a'.repeat(length) + end)

/** As UTF-8 has it, but for half of a character at the end. */
function wellFormed(text: string): string {
  const whole = text.endsWith(FIRST_HALF) ? text.slice(0, -1) : text
  return Buffer.from(whole).toString() + text.slice(whole.length)
}

const LONG = 300_000
/** Bytes. */
const READ = 4096
const long = (text: string) => text.repeat(Math.ceil(LONG / text.length))

async function completion(said: Said, counter: Counter): Promise<number> {
  const usage = await countUsage({ prompt: {}, form: 'openai', provider: 'openai', said }, counter)
  return usage.completion_tokens
}

describe('text that is kept', () => {
  it('is what came, however it was cut', () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1 })
    fc.assert(
      fc.property(anyText, lengths, (texts, cuts) => {
        const text = texts.join('')
        const kept = new KeptText()
        for (const piece of frames(text, cuts)) kept.add(piece)
        expect(kept.toString()).toBe(text)
      }),
    )
  })

  it('has the replacement character for halves that no other half follows', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(anyPiece, fc.boolean()), { maxLength: 60 }), (steps) => {
        const kept = new KeptText()
        let taken = ''
        let all = ''
        for (const [piece, isTaken] of steps) {
          kept.add(piece)
          all += piece
          if (isTaken) taken += kept.takeWords()
          expect(taken + kept.toString()).toBe(wellFormed(all))
        }
      }),
    )
  })

  it('goes away up to the word under way', () => {
    const kept = new KeptText()
    kept.add('one two thr')
    expect(kept.takeWords()).toBe('one two')
    kept.add('ee four')
    expect(kept.takeWords()).toBe(' three')
    expect(kept.toString()).toBe(' four')
  })

  it('keeps half of a character for its other half', () => {
    const kept = new KeptText()
    const [first, second] = ['\ud83d', '\ude00']
    kept.add(`no word ends here${first}`)
    expect(kept.takeWords() + kept.toString()).toBe(`no word ends here${first}`)
    kept.add(second)
    expect(kept.toString()).toMatch(/😀$/)
  })

  it('keeps nothing alive that it was cut out of, not even the last', async () => {
    const texts = Array.from({ length: 1000 }, () => new KeptText())
    await collectGarbage()
    const before = process.memoryUsage().heapUsed
    for (const text of texts)
      text.add(Buffer.alloc(READ, 'a text in a read. ').toString('latin1').slice(100, 150))
    await collectGarbage()
    expect(process.memoryUsage().heapUsed - before).toBeLessThan((texts.length * READ) / 8)
    expect(texts[0]!.toString()).toHaveLength(50)
  })

  it.each(Object.keys(ENCODINGS) as EncodingName[])(
    'has the tokens of the whole, taken at any time: %s',
    (name) => {
      const count = (text: string) => ENCODINGS[name](text, PLAIN)
      fc.assert(
        fc.property(anyText, fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1 }), (texts, cuts) => {
          const text = texts.join('').slice(0, 20_000)
          const kept = new KeptText()
          let tokens = 0
          for (const piece of frames(text, cuts)) {
            kept.add(piece)
            tokens += count(kept.takeWords())
          }
          expect(tokens + count(kept.toString())).toBe(count(text))
        }),
        { numRuns: 30 },
      )
    },
  )
})

describe('what an answer said', () => {
  it.each(Object.entries(TEXTS))('has the tokens of the whole, however long and cut: %s', async (_, text) => {
    const whole = long(text)
    const counter = new Counter()
    for (const length of [3, 1000]) {
      const said = new Said('gpt-4o', counter)
      for (const piece of frames(whole, [length])) said.text(0, piece)
      expect(await completion(said, counter)).toBe(o200k(whole, PLAIN))
    }
  })

  it('is counted while the stream goes on, so that little of it is held', async () => {
    const counter = new Counter()
    const said = new Said('gpt-4o', counter)
    for (const piece of frames(long(TEXTS.English), [5])) said.text(0, piece)
    expect(counter.given.map((text) => text.length)).toEqual([
      expect.closeTo(128 * 1024, -3),
      expect.closeTo(128 * 1024, -3),
    ])
    await completion(said, counter)
    expect(counter.given.join('')).toBe(long(TEXTS.English))
  })

  it('is nothing to count where it is of usual length and the provider counts', () => {
    const counter = new Counter()
    const said = new Said('gpt-4o', counter)
    for (const piece of frames(long(TEXTS.English).slice(0, 100_000), [5])) said.text(0, piece)
    said.release()
    for (const piece of frames(long(TEXTS.English), [5])) said.text(0, piece)
    expect(counter.given).toEqual([])
    expect(said.chars).toBe(100_000 + long(TEXTS.English).length)
  })

  it('is counted to a megabyte, and what is beyond counts like what is before', async () => {
    const counter = new Counter()
    const said = new Said('gpt-4o', counter)
    const million = TEXTS.English.repeat(Math.floor(1_000_000 / TEXTS.English.length))
    for (let times = 0; times < 3; times++) for (const piece of frames(million, [900])) said.text(0, piece)
    const counted = await completion(said, counter)
    expect(counter.given.join('').length).toBeLessThanOrEqual(1024 * 1024)
    expect(Math.abs(counted / (3 * o200k(million)) - 1)).toBeLessThan(0.001)
  })

  it('counts reasoning, calls and their arguments of any length and number', async () => {
    const counter = new Counter()
    const said = new Said('gpt-5', counter)
    for (const piece of frames(long(TEXTS.code), [700])) said.reasoning(0, piece)
    let texts = 0
    for (let call = 0; call < 3000; call++) {
      said.toolStart(0, 'get_weather')
      said.toolArgs(0, call, '{"city":')
      said.toolArgs(0, call, '"Paris"}')
      texts += o200k('get_weather') + o200k('{"city":"Paris"}')
    }
    const usage = await countUsage({ prompt: {}, form: 'openai', provider: 'openai', said }, counter)
    const thought = o200k(long(TEXTS.code), PLAIN)
    expect(usage.completion_tokens_details).toEqual({ reasoning_tokens: thought })
    expect(usage.completion_tokens).toBe(thought + 9 + texts + 3000 * 7)
  })

  it.each([
    [undefined, 18],
    ['auto', 18],
    [{ type: 'auto' }, 18],
    ['required', 0],
    [{ type: 'function', function: { name: 'get_weather' } }, 0],
    [{ type: 'tool', name: 'get_weather' }, 0],
  ])('has more around Claude’s calls where it chose to call: %j', async (choice, around) => {
    const counter = new Counter()
    const said = new Said('claude-sonnet-4-5', counter)
    said.toolStart(0, 'get_weather')
    said.toolArgs(0, 0, '{"city":"Paris"}')
    const prompt = choice === undefined ? {} : { tool_choice: choice }
    const usage = await countUsage({ prompt, form: 'openai', provider: 'anthropic', said }, counter)
    const texts = o200k('get_weather') + o200k('{"city":"Paris"}')
    expect(usage.completion_tokens).toBe(Math.round(texts * 1.2) + 24 + around)
  })
})
