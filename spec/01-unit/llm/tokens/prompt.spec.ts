import { countTokens as o200k } from 'gpt-tokenizer/encoding/o200k_base'
import { countTokens as cl100k } from 'gpt-tokenizer/encoding/cl100k_base'
import { functionCallingTestCases } from 'gpt-tokenizer/esm/fixtures/functionCallingTestCases'
import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../../lib/llm/json.js'
import { tokenModel } from '../../../../lib/llm/tokens/models.js'
import { promptTally, type PromptForm } from '../../../../lib/llm/tokens/prompt.js'
import { fixtureObject } from '../../../support/driver-harness.js'
import { object } from '../../../support/json.js'

function count(prompt: unknown, name: string, form: PromptForm = 'openai'): number {
  const model = tokenModel(name)
  const tally = promptTally(prompt as JsonObject, model, form)
  const countTokens = model.encoding === 'o200k_base' ? o200k : cl100k
  return tally.tokens + tally.texts.reduce((sum, text) => sum + countTokens(text), 0)
}

const user = { role: 'user', content: 'hello' }

describe('a prompt counts as OpenAI’s API has counted it', () => {
  it.each([
    ['kong/openai/llm-v1-chat/requests/good.json', 'kong/openai/llm-v1-chat/responses/good.json'],
    ['kong/unit/requests/llm-v1-chat.json', 'kong/unit/real-responses/openai/llm-v1-chat.json'],
    ['kong/unit/requests/llm-v1-completions.json', 'kong/unit/real-responses/openai/llm-v1-completions.json'],
  ])('%s', (request, response) => {
    const { model, usage } = fixtureObject(response)
    const { prompt_tokens } = object(usage)
    const counted = count(fixtureObject(request), model as string)
    expect(Math.abs(counted - Number(prompt_tokens))).toBeLessThanOrEqual(0.05 * Number(prompt_tokens))
  })

  // The cookbook's examples, with the figures that it had from the API.
  const jargon = [
    [
      'system',
      undefined,
      'You are a helpful, pattern-following assistant that translates corporate jargon into plain English.',
    ],
    ['system', 'example_user', 'New synergies will help drive top-line growth.'],
    ['system', 'example_assistant', 'Things working well together will increase revenue.'],
    [
      'system',
      'example_user',
      "Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage.",
    ],
    ['system', 'example_assistant', "Let's talk later when we're less busy about how to do better."],
    [
      'user',
      undefined,
      "This late pivot means we don't have time to boil the ocean for the client deliverable.",
    ],
  ].map(([role, name, content]) => ({ role, name, content }))
  const weather = {
    messages: [
      {
        role: 'system',
        content: 'You are a helpful assistant that can answer to questions about the weather.',
      },
      { role: 'user', content: "What's the weather like in San Francisco?" },
    ],
    tools: [
      {
        type: 'function',
        function: {
          name: 'get_current_weather',
          description: 'Get the current weather in a given location',
          parameters: {
            type: 'object',
            properties: {
              location: { type: 'string', description: 'The city and state, e.g. San Francisco, CA' },
              unit: {
                type: 'string',
                description: 'The unit of temperature to return',
                enum: ['celsius', 'fahrenheit'],
              },
            },
            required: ['location'],
          },
        },
      },
    ],
  }

  it.each([
    ['gpt-3.5-turbo', 129, 105],
    ['gpt-4-0613', 129, 105],
    ['gpt-4o', 124, 101],
  ])('messages with names and tools: %s', (model, named, withTools) => {
    expect(count({ messages: jargon }, model)).toBe(named)
    expect(count(weather, model)).toBe(withTools)
  })

  it.each(functionCallingTestCases)('functions, calls and results: $tokens', ({ tokens, ...request }) => {
    expect(count(request, 'gpt-4o')).toBe(tokens)
  })
})

describe('a prompt', () => {
  it('counts an assistant’s tool calls and their results', () => {
    const call = { id: 'c', type: 'function', function: { name: 'weather', arguments: '{"city":"Paris"}' } }
    const spoken = { messages: [user, { role: 'assistant', content: null }, { role: 'tool', content: '' }] }
    const called = {
      messages: [
        user,
        { role: 'assistant', content: null, tool_calls: [call] },
        { role: 'tool', tool_call_id: 'c', content: 'sunny' },
      ],
    }
    const said = o200k('weather') + o200k('{"city":"Paris"}') + o200k('sunny') + 5
    expect(count(called, 'gpt-4o')).toBe(count(spoken, 'gpt-4o') + said)
  })

  it('counts parts as their text', () => {
    const parts = { messages: [{ role: 'user', content: [{ type: 'text', text: 'hello' }] }] }
    expect(count(parts, 'gpt-4o')).toBe(count({ messages: [user] }, 'gpt-4o'))
  })

  it('counts what Claude is told of tools', () => {
    const tools = { messages: [user], tools: [{ type: 'function', function: { name: 'f' } }] }
    expect(count(tools, 'claude-sonnet-4-5')).toBe(count(tools, 'gpt-4o') + 346)
  })

  it.each([
    ['one text', 'a b c', 3],
    ['texts', ['a b c', 'd'], 4],
    ['tokens', [1, 2, 3], 3],
    ['lists of tokens', [[1, 2], [3]], 3],
  ])('of a text completion: %s', (_, prompt, tokens) => {
    expect(count({ prompt }, 'gpt-3.5-turbo-instruct')).toBe(tokens)
    expect(count({ prompt }, 'gpt-4o', 'framed')).toBe(tokens + 7)
  })

  it.each([
    {},
    { messages: null },
    { messages: [null, 1, 'x', { role: 1, content: 2, tool_calls: [null, { function: 3 }] }] },
    { messages: [{ content: [null, { type: 'image_url', image_url: null }, { text: {} }] }] },
    { messages: [user], tools: [{ function: { name: 1, parameters: { properties: { a: null } } } }] },
    { messages: [user], tools: {}, tool_choice: { function: null }, response_format: { json_schema: 1 } },
    { prompt: { a: 1 } },
  ])('may be anything: %j', (prompt) => {
    expect(count(prompt, 'gpt-4o')).toBeGreaterThanOrEqual(0)
  })

  it('may hold a schema of any depth', () => {
    let parameters: object = { type: 'string' }
    for (let depth = 0; depth < 2000; depth++) parameters = { type: 'object', properties: { a: parameters } }
    expect(
      count({ messages: [user], tools: [{ function: { name: 'f', parameters } }] }, 'gpt-4o'),
    ).toBeLessThan(1000)
  })
})
