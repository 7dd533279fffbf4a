import { describe, expect, it } from 'vitest'
import type { ChatRequest } from '../../../../../lib/llm/chat.js'
import { ollama } from '../../../../../lib/llm/drivers/ollama/index.js'
import { resolveEndpoint } from '../../../../../lib/llm/endpoint.js'
import { DriverHarness } from '../../../../support/driver-harness.js'

const HOST = { upstream_url: 'http://ollama:11434' }
const driver = new DriverHarness(ollama, { model: 'qwen3', options: HOST, stream: false })
const SCHEMA = { type: 'object', properties: { a: { type: 'string' } } }

function bodyOf(chat: Partial<ChatRequest>) {
  return driver.request(chat).body
}

describe('a request to Ollama', () => {
  it('says everything that the API has a word for', () => {
    const request = driver.request(
      {
        messages: [
          { role: 'system', content: 'Be brief.' },
          { role: 'developer', content: [{ type: 'text', text: 'No jokes.' }] },
          {
            role: 'user',
            content: [
              { type: 'text', text: 'What' },
              { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw==' } },
              { type: 'text', text: 'is this?' },
              { type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } },
            ],
          },
          {
            role: 'assistant',
            reasoning_content: 'Hm.',
            content: null,
            tool_calls: [
              { id: 'a', type: 'function', function: { name: 'f', arguments: '{"x":1}' } },
              { id: 'b', type: 'function', function: { name: 'g', arguments: '' } },
            ],
          },
          { role: 'tool', tool_call_id: 'b', content: 'B' },
          { role: 'tool', tool_call_id: 'a', content: [{ type: 'text', text: 'A' }] },
          { role: 'tool', tool_call_id: 'z', content: 'Z' },
        ],
        tools: [{ type: 'function', function: { name: 'f', description: 'F', parameters: SCHEMA } }],
        tool_choice: 'auto',
        response_format: { type: 'json_schema', json_schema: { name: 's', schema: SCHEMA } },
        max_tokens: 9,
        temperature: 0,
        top_p: 0.5,
        top_k: 3,
        seed: 7,
        stop: 'END',
        presence_penalty: 1,
        frequency_penalty: 0.5,
        logprobs: true,
        top_logprobs: 2,
        reasoning_effort: 'low',
        keep_alive: '5m',
        num_ctx: 4096,
        options: { mirostat: 1 },
      },
      { options: { ...HOST, max_tokens: 20, temperature: 1 }, stream: true },
    )
    expect(request).toEqual({
      origin: 'http://ollama:11434',
      path: '/api/chat',
      headers: { 'content-type': 'application/json', accept: 'application/x-ndjson' },
      body: {
        model: 'qwen3',
        messages: [
          { role: 'system', content: 'Be brief.' },
          { role: 'system', content: 'No jokes.' },
          { role: 'user', content: 'What\nis this?', images: ['iVBORw==', 'AAAA'] },
          {
            role: 'assistant',
            content: '',
            thinking: 'Hm.',
            tool_calls: [
              { id: 'a', function: { name: 'f', arguments: { x: 1 } } },
              { id: 'b', function: { name: 'g', arguments: {} } },
            ],
          },
          { role: 'tool', content: 'B', tool_name: 'g', tool_call_id: 'b' },
          { role: 'tool', content: 'A', tool_name: 'f', tool_call_id: 'a' },
          { role: 'tool', content: 'Z', tool_call_id: 'z' },
        ],
        tools: [{ type: 'function', function: { name: 'f', description: 'F', parameters: SCHEMA } }],
        format: SCHEMA,
        think: 'low',
        options: {
          num_predict: 9,
          temperature: 0,
          top_p: 0.5,
          top_k: 3,
          stop: ['END'],
          seed: 7,
          presence_penalty: 1,
          frequency_penalty: 0.5,
          num_ctx: 4096,
          mirostat: 1,
        },
        keep_alive: '5m',
        logprobs: true,
        top_logprobs: 2,
        stream: true,
      },
      dropped: [],
    })
  })

  it('always says whether to stream: the API would', () => {
    expect(bodyOf({})).toEqual({
      model: 'qwen3',
      messages: [{ role: 'user', content: 'Hi' }],
      stream: false,
    })
  })

  it('has the parameters of the config where the client has none', () => {
    const options = { ...HOST, max_tokens: 20, temperature: 1, top_p: 0.9, top_k: 8 }
    expect(driver.request({ max_completion_tokens: 30 }, { options }).body.options).toEqual({
      num_predict: 20,
      temperature: 1,
      top_p: 0.9,
      top_k: 8,
    })
  })

  it('asks for JSON', () => {
    expect(bodyOf({ response_format: { type: 'json_object' } }).format).toBe('json')
    expect(bodyOf({ response_format: { type: 'json_schema', json_schema: { name: 's' } } }).format).toBe(
      'json',
    )
    expect(bodyOf({ response_format: { type: 'text' } })).not.toHaveProperty('format')
    expect(bodyOf({ format: 'json' }).format).toBe('json')
  })

  it.each([
    ['none', false],
    ['minimal', 'low'],
    ['high', 'high'],
    ['xhigh', 'max'],
  ])('thinks with %s effort', (reasoning_effort, think) => {
    expect(bodyOf({ reasoning_effort }).think).toBe(think)
    expect(bodyOf({ reasoning_effort, think: true }).think).toBe(true)
  })

  it('can narrow the choice of tools, but not force one', () => {
    const tools = ['f', 'g'].map((name) => ({ type: 'function' as const, function: { name } }))
    expect(driver.request({ tools, tool_choice: 'none' })).toMatchObject({ dropped: [] })
    expect(bodyOf({ tools, tool_choice: 'none' })).not.toHaveProperty('tools')
    expect(driver.request({ tools, tool_choice: 'required' }).dropped).toEqual(['tool_choice'])
    const named = driver.request({ tools, tool_choice: { type: 'function', function: { name: 'g' } } })
    expect(named).toMatchObject({
      body: {
        tools: [{ function: { name: 'g', parameters: { type: 'object', properties: {} } } }],
      },
      dropped: ['tool_choice'],
    })
  })

  it('says what it had to leave out', () => {
    const { dropped } = driver.request({
      messages: [{ role: 'user', name: 'Ann', content: [{ type: 'text', text: 'Hi' }, ZIP] }],
      tools: [{ type: 'function', function: { name: 'f', strict: true } }],
      parallel_tool_calls: false,
      reasoning_effort: 'odd',
      n: 2,
      user: 'u',
      logit_bias: { 1: 2 },
    })
    expect(dropped).toEqual([
      'messages[0].name',
      'messages[0].content[1]',
      'parallel_tool_calls',
      'tools[0].function.strict',
      'reasoning_effort',
      'n',
      'user',
      'logit_bias',
    ])
  })

  it.each([
    [{ type: 'image_url', image_url: { url: 'https://a/b.png' } }, 'messages[0].content[0].image_url.url'],
    [{ type: 'file', file: { file_data: 'data:application/zip;base64,UEs=' } }, 'messages[0].content'],
  ] as const)('refuses %j', (part, param) => {
    expect(() => driver.request({ messages: [{ role: 'user', content: [part] }] })).toThrow(
      expect.objectContaining({ status: 400, param }),
    )
  })

  it('refuses arguments that are no object', () => {
    const call = { id: 'a', type: 'function' as const, function: { name: 'f', arguments: '[1]' } }
    expect(() => driver.request({ messages: [{ role: 'assistant', tool_calls: [call] }] })).toThrow(
      expect.objectContaining({ status: 400, param: 'messages[0].tool_calls[0].function.arguments' }),
    )
  })

  it('needs a server', () => {
    expect(() => driver.request({}, { options: {} })).toThrow(
      expect.objectContaining({ status: 500, param: 'upstream_url' }),
    )
  })
})

const ZIP = { type: 'file' as const, file: { file_data: 'data:application/zip;base64,UEs=' } }

describe('a request to the older API of one prompt', () => {
  const options = { upstream_url: 'http://ollama:11434/api/generate' }

  it('is the one question, with what the system says', () => {
    const request = driver.request(
      {
        messages: [
          { role: 'system', content: 'Be brief.' },
          { role: 'user', content: 'Hi' },
        ],
        max_tokens: 5,
      },
      { options },
    )
    expect(request.body).toEqual({
      model: 'qwen3',
      prompt: 'Hi',
      system: 'Be brief.',
      options: { num_predict: 5 },
      stream: false,
    })
    expect(resolveEndpoint(request, options).path).toBe('/api/generate')
  })

  it('cannot be a conversation, nor have tools', () => {
    const user = { role: 'user' as const, content: 'Hi' }
    expect(() =>
      driver.request({ messages: [user, { role: 'assistant', content: 'a' }, user] }, { options }),
    ).toThrow(expect.objectContaining({ status: 400, param: 'messages' }))
    const tools = [{ type: 'function' as const, function: { name: 'f' } }]
    expect(() => driver.request({ tools }, { options })).toThrow(
      expect.objectContaining({ status: 400, param: 'tools' }),
    )
  })
})
