import { countTokens } from 'gpt-tokenizer/encoding/o200k_base'
import { describe, expect, it } from 'vitest'
import { Tokenizer } from '../../../../lib/llm/tokens/tokenizer.js'

const SENTENCE = 'Operators see every stream, and the tokens of each are counted. '

describe('the tokenizer', () => {
  it('counts each text by itself', async () => {
    const tokens = countTokens('Hello') + countTokens(' world') + countTokens('你好')
    expect(await new Tokenizer().count('o200k_base', ['Hello', ' world', '你好'])).toBe(tokens)
  })

  // The cookbook's example.
  it.each([
    ['o200k_base', 8],
    ['cl100k_base', 9],
    ['p50k_base', 14],
    ['r50k_base', 14],
  ] as const)('knows %s', async (encoding, tokens) => {
    expect(await new Tokenizer().count(encoding, ['お誕生日おめでとう'])).toBe(tokens)
  })

  it('lets everything else go on while it loads an encoding and counts 100 000 tokens', async () => {
    const tokenizer = new Tokenizer()
    let turns = 0
    let idle: NodeJS.Immediate = setImmediate(function turn() {
      turns++
      idle = setImmediate(turn)
    })
    expect(await tokenizer.count('o200k_base', [SENTENCE.repeat(8000)])).toBeGreaterThan(100_000)
    clearImmediate(idle)
    expect(turns).toBeGreaterThan(100)
  })

  it('does not start before there is something to count', async () => {
    const tokenizer = new Tokenizer()
    expect(await tokenizer.count('o200k_base', [])).toBe(0)
    expect(await tokenizer.count('o200k_base', [''])).toBe(0)
    expect(tokenizer.started).toBe(false)
    await tokenizer.count('o200k_base', ['a'])
    expect(tokenizer.started).toBe(true)
  })

  it('takes a special token in a text for text', async () => {
    expect(await new Tokenizer().count('o200k_base', ['<|endoftext|>'])).toBeGreaterThan(3)
  })

  it.each([
    ['one letter', 'a'.repeat(100_000)],
    ['half characters', '\ud800'.repeat(1000)],
    ['control characters', '\u0000\u0007\uffff'.repeat(1000)],
  ])('counts any text: %s', async (_, text) => {
    expect(await new Tokenizer().count('o200k_base', [text])).toBeGreaterThan(0)
  })

  it('counts what is beyond a megabyte like what is before', async () => {
    const tokenizer = new Tokenizer()
    const text = SENTENCE.repeat(Math.floor((1024 * 1024) / SENTENCE.length))
    const [once, thrice] = await Promise.all([
      tokenizer.count('o200k_base', [text]),
      tokenizer.count('o200k_base', [text, text, text]),
    ])
    expect(Math.abs(thrice - 3 * once)).toBeLessThanOrEqual(3)
  })

  it('estimates at once what it would be too long about', async () => {
    const tokenizer = new Tokenizer()
    const text = 'a'.repeat(1024 * 1024)
    const order: string[] = []
    const counts = Array.from({ length: 16 }, () => tokenizer.count('o200k_base', [text]))
    void Promise.race(counts).then(() => order.push('counted'))
    expect(await tokenizer.count('o200k_base', ['b'.repeat(400)])).toBe(100)
    order.push('estimated')
    await Promise.race(counts)
    expect(order).toEqual(['estimated', 'counted'])
  })
})
