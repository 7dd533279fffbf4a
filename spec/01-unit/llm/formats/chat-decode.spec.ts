import { describe, expect, it } from 'vitest'
import { ChatError } from '../../../../lib/llm/errors.js'
import { decodeChat } from '../../../../lib/llm/formats/chat.js'
import { formats } from '../../../../lib/llm/formats/index.js'
import type { JsonObject } from '../../../../lib/llm/json.js'
import { fixtureText } from '../../../support/streams.js'
import { parseObject } from '../../../support/json.js'

const USER = { role: 'user', content: 'Hi' }
const CALL = { id: 'c1', type: 'function', function: { name: 'f', arguments: '{}' } }

function faultOf(decode: () => unknown): ChatError {
  try {
    decode()
  } catch (error) {
    if (error instanceof ChatError) return error
    throw error
  }
  throw new Error('no fault')
}

function messages(...list: unknown[]): JsonObject {
  return { messages: list } as JsonObject
}

function part(value: unknown, role = 'user'): JsonObject {
  return messages({ role, content: [{ type: 'text', text: 'a' }, value] })
}

describe('a chat request', () => {
  it.each(['good', 'good_multi_modal', 'good-stream', 'good-stream-with-functions', 'tool_choice_auto'])(
    "passes as it is: Kong's %s.json",
    (name) => {
      const body = parseObject(fixtureText(`kong/openai/llm-v1-chat/requests/${name}.json`))
      expect(formats['llm/v1/chat'].decode(body)).toEqual({ chat: body, dropped: [] })
    },
  )

  it('passes with every field that drivers know and some that they do not', () => {
    const body = {
      model: 'm',
      messages: [
        { role: 'system', content: 'S' },
        { role: 'developer', content: [{ type: 'text', text: 'D' }] },
        {
          role: 'user',
          name: 'Ann',
          content: [
            { type: 'text', text: '' },
            { type: 'image_url', image_url: { url: 'data:image/png;base64,AA', detail: 'low' } },
            { type: 'input_audio', input_audio: { data: 'AA', format: 'wav' } },
            { type: 'file', file: { file_data: 'AA', filename: 'a.pdf' } },
          ],
        },
        {
          role: 'assistant',
          content: null,
          refusal: null,
          tool_calls: [{ ...CALL, extra_content: { google: {} } }],
          reasoning_content: 'R',
          thinking_blocks: [{ type: 'thinking', thinking: 'T', signature: 'S' }],
        },
        { role: 'tool', tool_call_id: 'c1', content: '1' },
      ],
      stop: ['a', 'b'],
      tools: [{ type: 'function', function: { name: 'f', strict: true, parameters: {} } }],
      tool_choice: { type: 'function', function: { name: 'f' } },
      response_format: { type: 'json_schema', json_schema: { name: 'j', schema: {} } },
      temperature: 0,
      n: 2,
      seed: -1,
      store: true,
      constructor: { odd: true },
    }
    expect(decodeChat(body)).toBe(body)
  })

  it('loses what is null, where null means absent', () => {
    const body = {
      messages: [
        { ...USER, name: null },
        { role: 'assistant', content: null, tool_calls: null, refusal: null },
      ],
      model: null,
      stop: null,
      temperature: null,
      tools: [{ type: 'function', function: { name: 'f', description: null } }],
    }
    expect(decodeChat(body)).toEqual({
      messages: [USER, { role: 'assistant', content: null, refusal: null }],
      tools: [{ type: 'function', function: { name: 'f' } }],
    })
  })

  it("is refused in Kong's words where it has no prompt, or the wrong one", () => {
    const refused = (body: JsonObject) => faultOf(() => formats['llm/v1/chat'].check(body)).message
    const noPrompts = "request body doesn't contain valid prompts"
    expect(refused(parseObject(fixtureText('kong/openai/llm-v1-chat/requests/bad_request.json')))).toBe(
      noPrompts,
    )
    expect(refused({})).toBe(noPrompts)
    expect(refused({ messages: [] })).toBe(noPrompts)
    expect(refused({ messages: 'Hi' })).toBe(noPrompts)
    expect(refused({ messages: [USER], prompt: 'Hi' })).toBe('request matches multiple LLM request formats')
    expect(refused({ prompt: 'Hi' })).toBe(
      '[llm/v1/completions] message format is not compatible with [llm/v1/chat] route type',
    )
  })

  it.each<[param: string, allowed: string, body: JsonObject]>([
    ['messages[0]', 'an object', messages('Hi')],
    ['messages[1].role', 'one of system, developer, user, assistant, tool', messages(USER, { role: 'bot' })],
    ['messages[0].role', 'one of system', messages({ role: '__proto__', content: '' })],
    ['messages[0].role', 'one of system', messages({ role: 'constructor', content: '' })],
    ['messages[0].content', 'a string or a non-empty array', messages({ role: 'user' })],
    ['messages[0].content', 'a string or a non-empty array', messages({ role: 'user', content: [] })],
    ['messages[0].content', 'a string or a non-empty array', messages({ role: 'system', content: 5 })],
    ['messages[0].content[1].type', 'one of text, image_url', part({ type: '' })],
    ['messages[0].content[1].type', 'one of text', part({ type: 'image_url' }, 'system')],
    ['messages[0].content[1]', 'an object', part('text')],
    ['messages[0].content[1].text', 'a string', part({ type: 'text' })],
    ['messages[0].content[1].image_url', 'an object', part({ type: 'image_url', image_url: 'http://x' })],
    [
      'messages[0].content[1].image_url.url',
      'an http, https or data URL',
      part({ type: 'image_url', image_url: { url: 'file:///etc/passwd' } }),
    ],
    ['messages[0].content[1].input_audio.data', 'a string', part({ type: 'input_audio', input_audio: {} })],
    ['messages[0].content[1].file', 'an object with file_data or file_id', part({ type: 'file', file: {} })],
    ['messages[0].tool_call_id', 'a non-empty string', messages({ role: 'tool', content: 'x' })],
    ['messages[0].tool_calls', 'an array', messages({ role: 'assistant', tool_calls: {} })],
    [
      'messages[0].tool_calls[0].function.arguments',
      'a string',
      messages({ role: 'assistant', tool_calls: [{ ...CALL, function: { name: 'f', arguments: {} } }] }),
    ],
    [
      'messages[0].thinking_blocks[0].type',
      'one of thinking, redacted_thinking',
      messages({ role: 'assistant', thinking_blocks: [{}] }),
    ],
    ['stop', 'a string or an array', { messages: [USER], stop: 1 }],
    ['stop[1]', 'a string', { messages: [USER], stop: ['a', 1] }],
    ['temperature', 'a number', { messages: [USER], temperature: '1' }],
    ['max_tokens', 'an integer of at least 1', { messages: [USER], max_tokens: 0 }],
    ['n', 'an integer from 1 to 128', { messages: [USER], n: 129 }],
    ['stream', 'true or false', { messages: [USER], stream: 'yes' }],
    [
      'stream_options.include_usage',
      'true or false',
      { messages: [USER], stream_options: { include_usage: 1 } },
    ],
    ['tools[0].type', 'one of function', { messages: [USER], tools: [{ function: { name: 'f' } }] }],
    [
      'tools[0].function.name',
      'a non-empty string',
      { messages: [USER], tools: [{ type: 'function', function: {} }] },
    ],
    ['tool_choice', 'one of none, auto, required', { messages: [USER], tool_choice: 'any' }],
    [
      'tool_choice.function.name',
      'a non-empty string',
      {
        messages: [USER],
        tool_choice: { type: 'function', function: {} },
      },
    ],
    [
      'response_format.type',
      'one of text, json_object, json_schema',
      { messages: [USER], response_format: {} },
    ],
    [
      'response_format.json_schema.name',
      'a non-empty string',
      {
        messages: [USER],
        response_format: { type: 'json_schema', json_schema: {} },
      },
    ],
  ])('is refused at %s, which must be %s', (param, allowed, body) => {
    const fault = faultOf(() => decodeChat(body))
    expect(fault).toMatchObject({ status: 400, param })
    expect(fault.message).toContain(`'${param}' must be ${allowed}`)
  })

  it('may be nested as deep as a parser lets it', () => {
    const parameters = parseObject('{"a":'.repeat(1000) + '1' + '}'.repeat(1000))
    const body = parseObject('{"messages":[{"role":"user","content":"Hi"}],"__proto__":null}')
    const decoded = decodeChat({
      ...body,
      tools: [{ type: 'function', function: { name: 'f', parameters } }],
    })
    expect(decoded.tools?.[0]?.function.parameters).toBe(parameters)
    expect(Object.getPrototypeOf(decoded)).toBe(Object.prototype)
  })
})
