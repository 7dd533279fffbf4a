import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../../lib/llm/json.js'
import { tokenModel } from '../../../../lib/llm/tokens/models.js'
import { promptTally } from '../../../../lib/llm/tokens/prompt.js'

const tallyOf = (body: JsonObject) => promptTally(body, tokenModel('m'), 'other')
const BLOB = 'iVBORw0KGgo='
const TOOL = { name: 'weather', description: 'Tells it', input_schema: { type: 'object' } }

const REQUESTS: Record<string, JsonObject> = {
  'Anthropic’s': {
    model: 'claude-sonnet-4-5',
    max_tokens: 50,
    system: 'be brief',
    tools: [TOOL],
    messages: [
      { role: 'user', content: 'hello' },
      { role: 'user', content: [{ type: 'image', source: { type: 'base64', data: BLOB } }] },
      {
        role: 'assistant',
        content: [{ type: 'tool_use', id: 'i', name: 'weather', input: { city: 'Paris' } }],
      },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'i', content: 'sunny' }] },
    ],
  },
  'Bedrock’s': {
    system: [{ text: 'be brief' }],
    toolConfig: { tools: [TOOL] },
    messages: [
      { role: 'user', content: [{ text: 'hello' }, { image: { format: 'png', source: { bytes: BLOB } } }] },
      {
        role: 'assistant',
        content: [{ toolUse: { toolUseId: 'i', name: 'weather', input: { city: 'Paris' } } }],
      },
      { role: 'user', content: [{ toolResult: { toolUseId: 'i', content: [{ text: 'sunny' }] } }] },
      { role: 'assistant', content: [] },
    ],
  },
  'Gemini’s': {
    systemInstruction: { parts: [{ text: 'be brief' }] },
    tools: [TOOL],
    contents: [
      { role: 'user', parts: [{ text: 'hello' }, { inlineData: { mimeType: 'image/png', data: BLOB } }] },
      { role: 'model', parts: [{ functionCall: { name: 'weather', args: { city: 'Paris' } } }] },
      { role: 'user', parts: [{ functionResponse: { name: 'weather', response: { said: 'sunny' } } }] },
      { role: 'user', parts: [] },
    ],
  },
  'OpenAI’s of the responses API': {
    instructions: 'be brief',
    tools: [TOOL],
    input: [
      {
        role: 'user',
        content: [
          { type: 'input_text', text: 'hello' },
          { type: 'input_image', image_url: BLOB },
        ],
      },
      { type: 'function_call', name: 'weather', arguments: '{"city":"Paris"}' },
      { type: 'function_call_output', call_id: 'i', output: 'sunny' },
      { role: 'user', content: 'a' },
      { role: 'user', content: 'b' },
      { role: 'user', content: 'c' },
    ],
  },
}

describe('a prompt in another format', () => {
  it.each(Object.entries(REQUESTS))('is what the model reads of it: %s', (_, body) => {
    const { texts, tokens } = tallyOf(body)
    const all = texts.join(' ')
    for (const said of ['be brief', 'hello', 'Paris', 'sunny', 'Tells it']) expect(all).toContain(said)
    expect(all).not.toContain(BLOB)
    expect(tokens).toBe(4 * 4)
  })

  it.each([
    [{ inputs: 'Say hello', parameters: { max_new_tokens: 5 } }, ['Say hello']],
    [{ input: ['one', 'two'], model: 'm' }, ['one', 'two']],
    [{ query: 'q', documents: ['d', { text: 'e' }], top_n: 1 }, ['q', 'd', 'e']],
    [{ messages: null, input: 7, text: { a: [null] } }, []],
  ])('may be anything: %j', (body, texts) => {
    expect(tallyOf(body).texts).toEqual(texts)
  })
})
