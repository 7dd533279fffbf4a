import { describe, expect, it } from 'vitest'
import { answerTo, tokens } from '../../../lib/mock/answer.js'
import { ask, type Ask } from '../../../lib/mock/api.js'

const TOOLS = ['get_weather', 'get_time'].map((name) => ({
  name,
  parameters: { type: 'object', properties: { city: { type: 'string' } } },
}))

function choices(fields: Partial<Ask> = {}) {
  const question = 'What is the weather?'
  return answerTo(ask({ model: 'm', questions: [question], prompt: [question], ...fields }), 1).choices
}

const choice = (fields: Partial<Ask> = {}) => choices(fields)[0]!

describe("the mock's answer", () => {
  it('says that it is the mock, echoes the user, and has characters of two, three and four bytes', () => {
    const { text, finish } = choice({ questions: ['  How\n are you?'] })
    expect(text).toContain('mock provider')
    expect(text).toContain('“How are you?”')
    const widths = new Set(Array.from(text, (character) => Buffer.byteLength(character)))
    expect(widths).toEqual(new Set([1, 2, 3, 4]))
    expect(finish).toBe('stop')
  })

  it('is the same every time', () => {
    expect(choices()).toEqual(choices())
  })

  it('echoes only the beginning of a long message, and no half characters', () => {
    const { text } = choice({ questions: ['👋'.repeat(1000)] })
    expect(text).toContain(`“${'👋'.repeat(80)}…”`)
  })

  it('comes in pieces that joined are the text', () => {
    const { pieces, text } = choice()
    expect(pieces.map((piece) => (piece.type === 'text' ? piece.text : '')).join('')).toBe(text)
    expect(pieces.length).toBeGreaterThan(10)
  })

  it('gives each choice a text of its own', () => {
    const texts = choices({ choices: 3 }).map(({ text }) => text)
    expect(new Set(texts).size).toBe(3)
  })

  it('answers each prompt in turn, with its choices together', () => {
    const texts = choices({ questions: ['one', 'two'], choices: 2 }).map(({ text }) => text)
    expect(texts.map((text) => /“(\w+)”/.exec(text)?.[1])).toEqual(['one', 'one', 'two', 'two'])
  })

  it('ends after max_tokens pieces, with the finish of a length', () => {
    const { pieces, finish } = choice({ maxTokens: 4 })
    expect(pieces).toHaveLength(4)
    expect(finish).toBe('length')
  })

  it('ends before the first stop sequence and says which it was', () => {
    const { text, finish, stopSequence } = choice({ stop: ['provider', 'mock', 'never said'] })
    expect(text).toBe('Hello from the ')
    expect([finish, stopSequence]).toEqual(['stop', 'mock'])
  })

  it('counts every piece as a token, reasoning apart and in the sum', () => {
    const { choices, usage } = answerTo(
      ask({ model: 'm', questions: [''], prompt: ['two words'], reasoning: true }),
      1,
    )
    const { pieces, reasoning } = choices[0]!
    expect(usage).toEqual({ prompt: 2, completion: pieces.length, reasoning: tokens(reasoning).length })
  })

  describe('with tools', () => {
    const called = (fields: Partial<Ask>) => choice({ tools: TOOLS, ...fields }).calls.map(({ name }) => name)

    it('calls the first one, with arguments that fit its schema', () => {
      const { calls, finish } = choice({ tools: TOOLS })
      expect(calls).toEqual([{ id: 'call_mock_1_0_0', name: 'get_weather', args: '{"city":"mock"}' }])
      expect(finish).toBe('tools')
    })

    it('calls those that the user names, all at once unless that is forbidden', () => {
      const questions = ['Please get_time and get_weather']
      expect(called({ questions })).toEqual(['get_weather', 'get_time'])
      expect(called({ questions, parallelTools: false })).toEqual(['get_weather'])
    })

    it('calls the one that tool_choice names, and none where it says none', () => {
      expect(called({ toolChoice: { name: 'get_time' } })).toEqual(['get_time'])
      expect(called({ toolChoice: 'none' })).toEqual([])
    })

    it('answers with the result of the tools once there is one, unless a call is required', () => {
      const { text, finish } = choice({ tools: TOOLS, toolResult: '21 degrees' })
      expect(text).toContain('“21 degrees”')
      expect(finish).toBe('stop')
      expect(called({ toolResult: '21 degrees', toolChoice: 'required' })).toEqual(['get_weather'])
    })

    it('may be cut in the middle of the arguments', () => {
      const whole = choice({ tools: TOOLS })
      const { calls, finish } = choice({ tools: TOOLS, maxTokens: whole.pieces.length - 1 })
      expect(finish).toBe('length')
      expect(whole.calls[0]!.args).toMatch(/.+/)
      expect(calls[0]!.args.length).toBeLessThan(whole.calls[0]!.args.length)
    })
  })
})
