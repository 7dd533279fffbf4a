import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../../../lib/llm/json.js'
import { modelTraits } from '../../../../../lib/llm/drivers/anthropic/model.js'
import { requested } from '../../../../support/anthropic.js'

function convert(chat: JsonObject, model = 'claude-sonnet-4-5'): { body: JsonObject; dropped: string[] } {
  return requested(chat, { model })
}

const forced = { tools: [{ type: 'function', function: { name: 'a' } }], tool_choice: 'required' }

describe('reasoning_effort', () => {
  it.each([
    ['low', 1024, 4096],
    ['medium', 4096, 8192],
    ['high', 16384, 20480],
    ['xhigh', 16384, 20480],
  ])(
    '%s is a budget of %i tokens, and max_tokens stands above it',
    (reasoning_effort, budget_tokens, max_tokens) => {
      const { body, dropped } = convert({ reasoning_effort })
      expect(body.thinking).toEqual({ type: 'enabled', budget_tokens })
      expect(body.max_tokens).toBe(max_tokens)
      expect(dropped).toEqual([])
    },
  )

  it.each(['none', 'minimal'])('%s is no thinking', (reasoning_effort) => {
    const { body, dropped } = convert({ reasoning_effort })
    expect(body).not.toHaveProperty('thinking')
    expect(dropped).toEqual([])
  })

  it('leaves a max_tokens that has room for the thinking alone', () => {
    expect(convert({ reasoning_effort: 'low', max_tokens: 2000 }).body.max_tokens).toBe(2000)
    expect(convert({ reasoning_effort: 'low', max_tokens: 1024 }).body.max_tokens).toBe(2048)
  })

  it('drops the sampling that the API refuses beside thinking', () => {
    const { body, dropped } = convert({ reasoning_effort: 'low', temperature: 0.5, top_p: 0.5, top_k: 4 })
    expect(body).not.toHaveProperty('temperature')
    expect(body).not.toHaveProperty('top_p')
    expect(body).not.toHaveProperty('top_k')
    expect(dropped).toEqual(['temperature', 'top_p', 'top_k'])
  })

  it('keeps the sampling that the API takes beside thinking', () => {
    const { body, dropped } = convert({ reasoning_effort: 'low', top_p: 0.95 })
    expect(body.top_p).toBe(0.95)
    expect(dropped).toEqual([])
  })

  it('yields to a forced tool call, before which the API does not think', () => {
    const { body, dropped } = convert({ ...forced, reasoning_effort: 'high', temperature: 0.5 })
    expect(body).not.toHaveProperty('thinking')
    expect(body).toMatchObject({ tool_choice: { type: 'any' }, temperature: 0.5, max_tokens: 4096 })
    expect(dropped).toEqual(['reasoning_effort'])
  })

  it.each(['extreme', 'constructor'])('%s is no effort that anyone knows', (reasoning_effort) => {
    expect(convert({ reasoning_effort }).dropped).toEqual(['reasoning_effort'])
  })
})

describe("Anthropic's own thinking", () => {
  const thinking = { type: 'enabled', budget_tokens: 9000 }

  it('passes through, with room for an answer and without the sampling it excludes', () => {
    const { body, dropped } = convert({ thinking, temperature: 0.5 })
    expect(body).toMatchObject({ thinking, max_tokens: 13096 })
    expect(body).not.toHaveProperty('temperature')
    expect(dropped).toEqual(['temperature'])
  })

  it('wins over reasoning_effort', () => {
    const { body, dropped } = convert({ thinking, reasoning_effort: 'low' })
    expect(body.thinking).toEqual(thinking)
    expect(dropped).toEqual(['reasoning_effort'])
  })

  it('excludes nothing where it is disabled', () => {
    const { body, dropped } = convert({ ...forced, thinking: { type: 'disabled' }, temperature: 0.5 })
    expect(body).toMatchObject({
      thinking: { type: 'disabled' },
      temperature: 0.5,
      tool_choice: { type: 'any' },
    })
    expect(dropped).toEqual([])
  })

  it('yields to a forced tool call', () => {
    const { body, dropped } = convert({ ...forced, thinking })
    expect(body).not.toHaveProperty('thinking')
    expect(dropped).toEqual(['thinking'])
  })
})

describe('models that budget their thinking themselves', () => {
  const model = 'claude-opus-4-7'

  it('are told the effort and asked to show what they think', () => {
    const { body, dropped } = convert({ reasoning_effort: 'xhigh' }, model)
    expect(body).toMatchObject({
      thinking: { type: 'adaptive', display: 'summarized' },
      output_config: { effort: 'xhigh' },
      max_tokens: 20480,
    })
    expect(dropped).toEqual([])
  })

  it('keep the effort where a forced tool call excludes thinking', () => {
    const { body, dropped } = convert({ ...forced, reasoning_effort: 'medium' }, model)
    expect(body).not.toHaveProperty('thinking')
    expect(body.output_config).toEqual({ effort: 'medium' })
    expect(dropped).toEqual([])
  })

  it('get the least effort for none', () => {
    const { body } = convert({ reasoning_effort: 'none' }, model)
    expect(body).not.toHaveProperty('thinking')
    expect(body.output_config).toEqual({ effort: 'low' })
  })

  it('take no sampling but the default', () => {
    const { body, dropped } = convert({ temperature: 0.5, top_p: 0.9, top_k: 4 }, model)
    expect(body).not.toHaveProperty('temperature')
    expect(dropped).toEqual(['temperature', 'top_p', 'top_k'])
    expect(convert({ temperature: 1 }, model)).toMatchObject({ body: { temperature: 1 }, dropped: [] })
  })

  it('drop what only the config asked for without a word to the client', () => {
    const { body, dropped } = requested({}, { model, options: { temperature: 0.5 } })
    expect(body).not.toHaveProperty('temperature')
    expect(dropped).toEqual([])
  })
})

describe('a model name', () => {
  it.each([
    ['claude-2.1', false, false],
    ['claude-3-5-sonnet-20241022', false, false],
    ['claude-3-7-sonnet-latest', false, false],
    ['claude-opus-4-20250514', false, false],
    ['claude-opus-4-1-20250805', false, true],
    ['claude-haiku-4-5-20251001', false, true],
    ['claude-sonnet-4-6', false, true],
    ['claude-opus-4-7', true, true],
    ['claude-opus-4-10', true, true],
    ['claude-sonnet-5', true, true],
    ['claude-sonnet-5-20260301', true, true],
    ['anthropic.claude-opus-4-8-v1:0', true, true],
    ['claude-mythos-preview', true, false],
    ['my-model', false, false],
  ])('%s: adaptive only %s, one of temperature and top_p %s', (model, adaptiveOnly, oneSampling) => {
    expect(modelTraits(model)).toEqual({ adaptiveOnly, oneSampling })
  })
})
