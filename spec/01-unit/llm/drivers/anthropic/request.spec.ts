import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../../../lib/llm/json.js'
import { fixtureJson, requested } from '../../../../support/anthropic.js'
import { objects } from '../../../../support/json.js'

function convert(chat: JsonObject, options: JsonObject = {}): { body: JsonObject; dropped: string[] } {
  return requested(chat, { options, model: 'claude-3-haiku-20240307' })
}

describe('the whole request', () => {
  it('is one to the Messages API', () => {
    expect(requested({})).toEqual({
      origin: 'https://api.anthropic.com:443',
      path: '/v1/messages',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json',
        'anthropic-version': '2023-06-01',
      },
      body: {
        model: 'claude-sonnet-4-5',
        max_tokens: 4096,
        messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }],
        stream: false,
      },
      dropped: [],
    })
  })

  it('asks for a stream, and for the version that the config names', () => {
    const request = requested({}, { stream: true, options: { anthropic_version: '2024-10-22' } })
    expect(request.headers).toMatchObject({ accept: 'text/event-stream', 'anthropic-version': '2024-10-22' })
    expect(request.body.stream).toBe(true)
  })

  it('says all that a rich conversation says', () => {
    const { body, dropped } = convert({
      model: 'gpt-4o',
      stream: false,
      stream_options: { include_usage: true },
      messages: [
        { role: 'system', content: 'Be brief.' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'What is it?' },
            { type: 'image_url', image_url: { url: 'https://example.com/cat.png' } },
          ],
        },
        {
          role: 'assistant',
          content: 'Let me look.',
          tool_calls: [
            { id: 'call_1', type: 'function', function: { name: 'look', arguments: '{"at":"cat"}' } },
          ],
        },
        { role: 'tool', tool_call_id: 'call_1', content: 'A cat.' },
      ],
      tools: [
        { type: 'function', function: { name: 'look', parameters: { type: 'object', properties: {} } } },
      ],
      tool_choice: 'auto',
      parallel_tool_calls: false,
      max_completion_tokens: 100,
      temperature: 0.2,
      top_p: 0.9,
      top_k: 40,
      stop: ['END', '\n'],
      user: 'u-1',
      service_tier: 'default',
      seed: 7,
      n: 2,
    })
    expect(body).toEqual({
      model: 'claude-3-haiku-20240307',
      max_tokens: 100,
      system: [{ type: 'text', text: 'Be brief.' }],
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'What is it?' },
            { type: 'image', source: { type: 'url', url: 'https://example.com/cat.png' } },
          ],
        },
        {
          role: 'assistant',
          content: [
            { type: 'text', text: 'Let me look.' },
            { type: 'tool_use', id: 'call_1', name: 'look', input: { at: 'cat' } },
          ],
        },
        {
          role: 'user',
          content: [
            { type: 'tool_result', tool_use_id: 'call_1', content: [{ type: 'text', text: 'A cat.' }] },
          ],
        },
      ],
      tools: [{ name: 'look', input_schema: { type: 'object', properties: {} } }],
      tool_choice: { type: 'auto', disable_parallel_tool_use: true },
      temperature: 0.2,
      top_p: 0.9,
      top_k: 40,
      stop_sequences: ['END'],
      metadata: { user_id: 'u-1' },
      service_tier: 'standard_only',
      stream: false,
    })
    expect(dropped).toEqual(['stop', 'seed', 'n'])
  })

  it("says what Kong's canonical request says, as blocks", () => {
    const chat = fixtureJson('kong/unit/requests/llm-v1-chat.json')
    const kong = fixtureJson('kong/unit/expected-requests/anthropic/llm-v1-chat.json')
    const { body } = requested(chat, {
      model: 'claude-2.1',
      options: { max_tokens: 512, temperature: 0.5 },
    })
    const asBlocks = (text: unknown) => [{ type: 'text', text }]
    expect(body).toEqual({
      ...kong,
      system: asBlocks(kong.system),
      messages: objects(kong.messages).map(({ role, content }) => ({ role, content: asBlocks(content) })),
    })
  })
})

describe('max_tokens', () => {
  it.each([
    [{}, {}, 4096],
    [{ max_tokens: 10 }, {}, 10],
    [{}, { max_tokens: 512 }, 512],
    [{ max_tokens: 1000 }, { max_tokens: 512 }, 512],
    [{ max_tokens: 100 }, { max_tokens: 512 }, 100],
    [{ max_tokens: 100, max_completion_tokens: 50 }, {}, 50],
    [{ max_tokens: null }, {}, 4096],
  ])('of %j and the config %j is %i', (chat, options, expected) => {
    expect(convert(chat, options).body.max_tokens).toBe(expected)
  })
})

describe('sampling', () => {
  it("is the request's before the config's", () => {
    const { body } = convert({ temperature: 0, top_p: 0.3 }, { temperature: 0.9, top_p: 0.9, top_k: 5 })
    expect(body).toMatchObject({ temperature: 0, top_p: 0.3, top_k: 5 })
  })

  it("ends at Anthropic's highest temperature, and says so", () => {
    const { body, dropped } = convert({ temperature: 1.5 })
    expect(body.temperature).toBe(1)
    expect(dropped).toEqual(['temperature'])
  })

  it('is one of temperature and top_p for models that take only one', () => {
    const { body, dropped } = requested({ temperature: 0.5, top_p: 0.9 }, { model: 'claude-sonnet-4-5' })
    expect(body).toMatchObject({ temperature: 0.5 })
    expect(body).not.toHaveProperty('top_p')
    expect(dropped).toEqual(['top_p'])
  })
})

describe('stop', () => {
  it.each([
    ['END', ['END'], []],
    [['a', ' ', ''], ['a'], ['stop']],
    [null, undefined, []],
    [[], undefined, []],
    [' ', undefined, ['stop']],
  ])('%j becomes %j', (stop, sequences, expected) => {
    const { body, dropped } = convert({ stop })
    expect(body.stop_sequences).toEqual(sequences)
    expect(dropped).toEqual(expected)
  })
})

describe('metadata', () => {
  it.each([
    [{ user: 'a' }, 'a', []],
    [{ user: 'a', safety_identifier: 'b' }, 'b', []],
    [{ user: 'a', metadata: { user_id: 'c' } }, 'c', []],
    [{ metadata: { team: 'x' } }, undefined, ['metadata']],
    [{ metadata: { user_id: 'c', team: 'x' } }, 'c', ['metadata']],
    [{ metadata: {} }, undefined, []],
  ])('%j names the user %s', (chat, user, expected) => {
    const { body, dropped } = convert(chat)
    expect(body.metadata).toEqual(user === undefined ? undefined : { user_id: user })
    expect(dropped).toEqual(expected)
  })
})

describe('response_format', () => {
  const schema = { type: 'object', properties: {}, additionalProperties: false }

  it('with a schema is a structured output', () => {
    const { body, dropped } = convert({
      response_format: { type: 'json_schema', json_schema: { name: 'x', schema, strict: true } },
    })
    expect(body.output_config).toEqual({ format: { type: 'json_schema', schema } })
    expect(dropped).toEqual([])
  })

  it.each([{ type: 'json_object' }, { type: 'json_schema', json_schema: { name: 'x' } }])(
    '%j cannot be asked for',
    (response_format) => {
      const { body, dropped } = convert({ response_format })
      expect(body).not.toHaveProperty('output_config')
      expect(dropped).toEqual(['response_format'])
    },
  )

  it('text is what the API answers anyway', () => {
    expect(convert({ response_format: { type: 'text' } })).toMatchObject({ dropped: [] })
  })

  it("leaves Anthropic's own output_config the last word", () => {
    expect(convert({ output_config: { effort: 'low' } }).body.output_config).toEqual({ effort: 'low' })
  })
})

describe('service_tier', () => {
  it.each([
    ['auto', 'auto', []],
    ['default', 'standard_only', []],
    ['standard_only', 'standard_only', []],
    ['flex', undefined, ['service_tier']],
    [null, undefined, []],
  ])('%s is %s', (service_tier, expected, droppedFields) => {
    const { body, dropped } = convert({ service_tier })
    expect(body.service_tier).toBe(expected)
    expect(dropped).toEqual(droppedFields)
  })
})

describe('other fields', () => {
  it("of Anthropic's own pass through", () => {
    const own = {
      cache_control: { type: 'ephemeral' },
      container: 'c_1',
      context_management: { edits: [] },
      inference_geo: 'eu',
      mcp_servers: [{ type: 'url', url: 'https://e.com', name: 'e' }],
    }
    const { body, dropped } = convert(own)
    expect(body).toMatchObject(own)
    expect(dropped).toEqual([])
  })

  it("of OpenAI's without an equivalent, and of nobody's, are dropped and said to be", () => {
    const fields = {
      n: 2,
      seed: 0,
      presence_penalty: 0.1,
      frequency_penalty: -1,
      logit_bias: { '50256': -100 },
      logprobs: true,
      top_logprobs: 2,
      modalities: ['text', 'audio'],
      audio: { voice: 'alloy' },
      store: true,
      prediction: { type: 'content', content: 'x' },
      verbosity: 'low',
      web_search_options: { search_context_size: 'low' },
      functions: [{ name: 'f' }],
      weather: 'fine',
    }
    const { body, dropped } = convert(fields)
    expect(dropped).toEqual(Object.keys(fields))
    expect(Object.keys(body)).toEqual(['model', 'max_tokens', 'messages', 'stream'])
  })

  it('that ask for nothing are left out without a word', () => {
    const { dropped } = convert({
      n: 1,
      seed: null,
      presence_penalty: 0,
      frequency_penalty: 0,
      logit_bias: {},
      logprobs: false,
      top_logprobs: 0,
      modalities: ['text'],
      store: false,
      verbosity: 'medium',
      functions: [],
      reasoning_effort: null,
      tool_choice: null,
    })
    expect(dropped).toEqual([])
  })
})
