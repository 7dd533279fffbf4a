import { describe, expect, it } from 'vitest'
import { addUsage, readUsage } from '../../../lib/llm/usage.js'

describe('usage', () => {
  it("keeps the provider's total and details", () => {
    const usage = {
      prompt_tokens: 10,
      completion_tokens: 5,
      total_tokens: 40,
      prompt_tokens_details: { cached_tokens: 4, audio_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 25 },
    }
    expect(readUsage(usage)).toEqual(usage)
  })

  it('adds up a total that is missing', () => {
    expect(readUsage({ prompt_tokens: 1, completion_tokens: 2 })).toMatchObject({ total_tokens: 3 })
  })

  it('knows embeddings and responses', () => {
    expect(readUsage({ prompt_tokens: 8, total_tokens: 8 })).toEqual({
      prompt_tokens: 8,
      completion_tokens: 0,
      total_tokens: 8,
    })
    expect(
      readUsage({ input_tokens: 1, output_tokens: 2, output_tokens_details: { reasoning_tokens: 1 } }),
    ).toEqual({
      prompt_tokens: 1,
      completion_tokens: 2,
      total_tokens: 3,
      completion_tokens_details: { reasoning_tokens: 1 },
    })
  })

  it('is none where nothing was counted', () => {
    for (const value of [null, undefined, 'many', {}, [], { prompt_tokens: 'x' }, { prompt_tokens: -1 }]) {
      expect(readUsage(value)).toBeUndefined()
    }
  })

  it('of two answers that make one is the sum, details by name', () => {
    const one = {
      prompt_tokens: 1,
      completion_tokens: 2,
      total_tokens: 3,
      prompt_tokens_details: { cached_tokens: 1 },
    }
    const other = {
      prompt_tokens: 10,
      completion_tokens: 20,
      total_tokens: 30,
      prompt_tokens_details: { cached_tokens: 5, audio_tokens: 2 },
      completion_tokens_details: { reasoning_tokens: 7 },
    }
    expect(addUsage(one, other)).toEqual({
      prompt_tokens: 11,
      completion_tokens: 22,
      total_tokens: 33,
      prompt_tokens_details: { cached_tokens: 6, audio_tokens: 2 },
      completion_tokens_details: { reasoning_tokens: 7 },
    })
    expect(addUsage(one, undefined)).toEqual(one)
  })
})
