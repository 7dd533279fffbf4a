import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../../../lib/llm/json.js'
import { requested } from '../../../../support/anthropic.js'

const tool = (name: string): JsonObject => ({ type: 'function', function: { name } })

function convert(chat: JsonObject): { body: JsonObject; dropped: string[] } {
  return requested(chat)
}

describe('tools', () => {
  it('keep name, description, schema and strictness', () => {
    const parameters = { type: 'object', properties: { a: { type: 'number' } }, required: ['a'] }
    const { body, dropped } = convert({
      tools: [
        { type: 'function', function: { name: 'add', description: 'Adds.', parameters, strict: true } },
        { type: 'function', function: { name: 'now', strict: false, parameters: null } },
        { type: 'function', function: { name: 'late', strict: null, parameters: { properties: {} } } },
      ],
    })
    expect(body.tools).toEqual([
      { name: 'add', description: 'Adds.', input_schema: parameters, strict: true },
      { name: 'now', input_schema: { type: 'object' } },
      { name: 'late', input_schema: { type: 'object', properties: {} } },
    ])
    expect(dropped).toEqual([])
  })

  it("carry Anthropic's own settings and tools through", () => {
    const search = { type: 'web_search_20250305', name: 'web_search', max_uses: 3 }
    const { body } = convert({
      tools: [
        { ...tool('a'), cache_control: { type: 'ephemeral' } },
        { type: 'function', function: { name: 'b', input_examples: [{}] } },
        search,
      ],
    })
    expect(body.tools).toEqual([
      { name: 'a', input_schema: { type: 'object' }, cache_control: { type: 'ephemeral' } },
      { name: 'b', input_schema: { type: 'object' }, input_examples: [{}] },
      search,
    ])
  })

  it('of kinds that the API does not have are dropped, as are their unknown fields', () => {
    const { body, dropped } = convert({
      tools: [
        { type: 'custom', custom: { name: 'sql' } },
        { type: 'function', function: { name: 'a', color: 'red' }, weight: 3 },
      ],
    })
    expect(body.tools).toEqual([{ name: 'a', input_schema: { type: 'object' } }])
    expect(dropped).toEqual(['tools[0]', 'tools[1].weight', 'tools[1].function.color'])
  })

  it('need a name', () => {
    expect(() => convert({ tools: [{ type: 'function', function: {} }] })).toThrow(
      expect.objectContaining({ status: 400, param: 'tools[0].function.name' }),
    )
  })
})

describe('tool_choice', () => {
  it.each([
    ['auto', { type: 'auto' }],
    ['required', { type: 'any' }],
    ['none', { type: 'none' }],
    [
      { type: 'function', function: { name: 'a' } },
      { type: 'tool', name: 'a' },
    ],
  ])('%j becomes %j', (tool_choice, expected) => {
    expect(convert({ tools: [tool('a')], tool_choice }).body.tool_choice).toEqual(expected)
  })

  it.each([
    [undefined, { type: 'auto', disable_parallel_tool_use: true }],
    ['required', { type: 'any', disable_parallel_tool_use: true }],
    ['none', { type: 'none' }],
    [
      { type: 'function', function: { name: 'a' } },
      { type: 'tool', name: 'a', disable_parallel_tool_use: true },
    ],
  ])('%j without parallel calls becomes %j', (tool_choice, expected) => {
    const chat = { tools: [tool('a')], tool_choice, parallel_tool_calls: false }
    expect(convert(chat).body.tool_choice).toEqual(expected)
  })

  it('is absent where the client says nothing, and parallel calls are the default', () => {
    expect(convert({ tools: [tool('a')], parallel_tool_calls: true }).body).not.toHaveProperty('tool_choice')
  })

  it('sends of the allowed tools only those', () => {
    const tool_choice = { type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [tool('b')] } }
    const { body, dropped } = convert({ tools: [tool('a'), tool('b')], tool_choice })
    expect(body.tools).toEqual([{ name: 'b', input_schema: { type: 'object' } }])
    expect(body.tool_choice).toEqual({ type: 'any' })
    expect(dropped).toEqual([])
  })

  it('without tools is dropped, and said to be if a call was asked for', () => {
    const none = convert({ tool_choice: 'none', tools: [], parallel_tool_calls: false })
    expect(none.body).not.toHaveProperty('tool_choice')
    expect(none.body).not.toHaveProperty('tools')
    expect(none.dropped).toEqual([])
    expect(convert({ tool_choice: 'required' }).dropped).toEqual(['tool_choice'])
  })

  it.each(['sometimes', 'constructor', { type: 'custom' }, 7])(
    '%j is a fault of the client',
    (tool_choice) => {
      expect(() => convert({ tools: [tool('a')], tool_choice })).toThrow(
        expect.objectContaining({ status: 400, param: 'tool_choice' }),
      )
    },
  )
})
