import { describe, expect, it } from 'vitest'
import type { ChatMessage, ChatRequest } from '../../../../../lib/llm/chat.js'
import { cohere } from '../../../../../lib/llm/drivers/cohere/index.js'
import { DriverHarness } from '../../../../support/driver-harness.js'

const driver = new DriverHarness(cohere, { model: 'command-a-03-2025', options: {}, stream: false })
const PNG = 'data:image/png;base64,iVBORw=='
const SCHEMA = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }

function bodyOf(chat: Partial<ChatRequest>) {
  return driver.request(chat).body
}

describe('a request to Cohere', () => {
  it('says everything that the API has a word for', () => {
    const weather = { type: 'function' as const, function: { name: 'weather', parameters: SCHEMA } }
    const request = driver.request(
      {
        messages: [
          { role: 'system', content: 'Be brief.' },
          { role: 'developer', content: [{ type: 'text', text: 'No jokes.' }] },
          {
            role: 'user',
            content: [
              { type: 'text', text: 'Where?' },
              { type: 'image_url', image_url: { url: PNG, detail: 'low' } },
            ],
          },
          {
            role: 'assistant',
            reasoning_content: 'I look it up.',
            tool_calls: [
              { id: 'a', type: 'function', function: { name: 'weather', arguments: '{"city":"Rome"}' } },
              { id: 'b', type: 'function', function: { name: 'time', arguments: '' } },
            ],
          },
          { role: 'tool', tool_call_id: 'a', content: '{"sun":true}' },
          { role: 'tool', tool_call_id: 'b', content: [{ type: 'text', text: 'noon' }] },
          { role: 'assistant', reasoning_content: 'Easy.', content: 'Sunny.', refusal: null },
          { role: 'user', content: 'Thanks' },
        ],
        tools: [weather],
        tool_choice: 'required',
        response_format: { type: 'json_schema', json_schema: { name: 'x', schema: SCHEMA } },
        max_completion_tokens: 900,
        max_tokens: 800,
        temperature: 0.3,
        top_p: 0.5,
        top_k: 40,
        seed: 7,
        stop: 'END',
        presence_penalty: 0.5,
        frequency_penalty: 1,
        logprobs: true,
        safety_mode: 'STRICT',
        documents: [{ id: '1', data: { text: 'x' } }],
        citation_options: { mode: 'FAST' },
      },
      { options: { max_tokens: 850, temperature: 1 }, stream: true },
    )
    expect(request).toEqual({
      origin: 'https://api.cohere.com:443',
      path: '/v2/chat',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
      body: {
        model: 'command-a-03-2025',
        messages: [
          { role: 'system', content: 'Be brief.' },
          { role: 'system', content: [{ type: 'text', text: 'No jokes.' }] },
          {
            role: 'user',
            content: [
              { type: 'text', text: 'Where?' },
              { type: 'image_url', image_url: { url: PNG, detail: 'low' } },
            ],
          },
          {
            role: 'assistant',
            tool_plan: 'I look it up.',
            tool_calls: [
              { id: 'a', type: 'function', function: { name: 'weather', arguments: '{"city":"Rome"}' } },
              { id: 'b', type: 'function', function: { name: 'time', arguments: '{}' } },
            ],
          },
          { role: 'tool', tool_call_id: 'a', content: '{"sun":true}' },
          { role: 'tool', tool_call_id: 'b', content: [{ type: 'text', text: 'noon' }] },
          {
            role: 'assistant',
            content: [
              { type: 'thinking', thinking: 'Easy.' },
              { type: 'text', text: 'Sunny.' },
            ],
          },
          { role: 'user', content: 'Thanks' },
        ],
        tools: [weather],
        tool_choice: 'REQUIRED',
        response_format: { type: 'json_object', json_schema: SCHEMA },
        max_tokens: 800,
        temperature: 0.3,
        p: 0.5,
        k: 40,
        seed: 7,
        stop_sequences: ['END'],
        presence_penalty: 0.5,
        frequency_penalty: 1,
        logprobs: true,
        safety_mode: 'STRICT',
        documents: [{ id: '1', data: { text: 'x' } }],
        citation_options: { mode: 'FAST' },
        stream: true,
      },
      dropped: [],
    })
  })

  it('samples as the config says where the client says nothing', () => {
    const options = { temperature: 0.1, top_p: 0.2, top_k: 3, max_tokens: 4 }
    expect(driver.request({ temperature: 0 }, { options }).body).toMatchObject({
      temperature: 0,
      p: 0.2,
      k: 3,
      max_tokens: 4,
    })
  })

  it.each([
    [{ top_p: 1 }, { p: 0.99 }, []],
    [{ top_p: 0 }, { p: 0.01 }, []],
    [{ presence_penalty: -1 }, { presence_penalty: 0 }, ['presence_penalty']],
    [{ frequency_penalty: 2 }, { frequency_penalty: 1 }, ['frequency_penalty']],
  ])('keeps within the ranges of the API: %j', (chat, body, dropped) => {
    const request = driver.request(chat)
    expect(request.body).toMatchObject(body)
    expect(request.dropped).toEqual(dropped)
  })

  it.each([
    ['none', { type: 'disabled' }],
    ['minimal', { type: 'disabled' }],
    ['low', { type: 'enabled', token_budget: 1024 }],
    ['medium', { type: 'enabled', token_budget: 4096 }],
    ['high', { type: 'enabled', token_budget: 16384 }],
  ])('thinks with %s effort', (reasoning_effort, thinking) => {
    expect(bodyOf({ reasoning_effort }).thinking).toEqual(thinking)
  })

  it('leaves room for an answer beside the thinking', () => {
    expect(bodyOf({ reasoning_effort: 'low', max_tokens: 100 }).max_tokens).toBe(1124)
    expect(bodyOf({ reasoning_effort: 'low', max_tokens: 2000 }).max_tokens).toBe(2000)
    const thinking = { type: 'enabled', token_budget: 50 }
    expect(bodyOf({ thinking, reasoning_effort: 'high', max_tokens: 10 })).toMatchObject({
      thinking,
      max_tokens: 60,
    })
  })

  it('says what it had to leave out', () => {
    const { dropped } = driver.request({
      messages: [
        { role: 'user', name: 'Ann', content: [{ type: 'text', text: 'a' }, AUDIO] },
        { role: 'assistant', content: 'b', citations: [{ text: 'noted before' }] } as ChatMessage,
        { role: 'user', content: 'c' },
      ],
      tools: [
        { type: 'function', function: { name: 'f', strict: true } },
        { type: 'function', function: { name: 'g' } },
      ],
      parallel_tool_calls: false,
      reasoning_effort: 'odd',
      n: 2,
      user: 'u',
      logit_bias: { 5: 1 },
      top_logprobs: 3,
      metadata: { a: 'b' },
      stream_options: { include_usage: true },
    })
    expect(dropped).toEqual([
      'reasoning_effort',
      'messages[0].name',
      'messages[0].content[1]',
      'parallel_tool_calls',
      'tools[0].function.strict',
      'n',
      'user',
      'logit_bias',
      'top_logprobs',
      'metadata',
    ])
  })

  it('refuses a message of which nothing would be left', () => {
    expect(() => driver.request({ messages: [{ role: 'user', content: [AUDIO] }] })).toThrow(
      expect.objectContaining({ status: 400, param: 'messages[0].content' }),
    )
  })
})

const AUDIO = { type: 'input_audio' as const, input_audio: { data: 'AAAA', format: 'wav' } }

describe("Cohere's tools", () => {
  const tools = ['f', 'g'].map((name) => ({
    type: 'function' as const,
    function: { name, description: `Does ${name}.`, strict: true },
  }))

  it('are strict if all are, and have parameters even where they take none', () => {
    expect(bodyOf({ tools })).toMatchObject({
      strict_tools: true,
      tools: [
        {
          type: 'function',
          function: {
            name: 'f',
            description: 'Does f.',
            parameters: { type: 'object', properties: {} },
          },
        },
        { function: { name: 'g' } },
      ],
    })
  })

  it.each([
    ['auto', undefined, 2],
    ['none', 'NONE', 2],
    ['required', 'REQUIRED', 2],
    [{ type: 'function', function: { name: 'g' } }, 'REQUIRED', 1],
  ] as const)('are chosen: %j', (tool_choice, expected, offered) => {
    const body = bodyOf({ tools, tool_choice })
    expect(body.tool_choice).toBe(expected)
    expect(body.tools).toHaveLength(offered)
  })

  it('are not there where the client offers none', () => {
    expect(bodyOf({ tools: [], tool_choice: 'none' })).not.toHaveProperty('tool_choice')
  })
})
