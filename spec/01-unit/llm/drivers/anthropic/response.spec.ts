import { describe, expect, it } from 'vitest'
import { anthropic } from '../../../../../lib/llm/drivers/anthropic/index.js'
import type { Json, JsonObject } from '../../../../../lib/llm/json.js'
import { answered, fixtureJson } from '../../../../support/anthropic.js'
import { objects } from '../../../../support/json.js'
import { RecordingSink } from '../../../../support/recording-sink.js'

function calls(body: unknown): RecordingSink {
  const sink = new RecordingSink()
  anthropic.response(body, sink)
  return sink
}

function message(content: Json[], fields: JsonObject = {}): JsonObject {
  return {
    id: 'msg_1',
    type: 'message',
    model: 'claude',
    content,
    stop_reason: 'end_turn',
    ...fields,
  }
}

describe('a recorded answer', () => {
  it('of text is a chat completion', () => {
    expect(answered(fixtureJson('recorded/anthropic/anthropic-text.json'))).toEqual({
      id: 'msg_01VdEjxAP5ahtHKrrRdNBteQ',
      object: 'chat.completion',
      created: 0,
      model: 'claude-sonnet-4-5-20250929',
      service_tier: 'default',
      choices: [
        {
          index: 0,
          message: {
            role: 'assistant',
            content:
              "Hello! I'm doing well, thanks for asking. How are you doing today? Is there anything I can help you with?",
            refusal: null,
          },
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
      usage: {
        prompt_tokens: 12,
        completion_tokens: 29,
        total_tokens: 41,
        prompt_tokens_details: { cached_tokens: 0 },
      },
    })
  })

  it('with thinking gives its text and, for the next turn, its signed block', () => {
    const body = fixtureJson('recorded/anthropic/anthropic-clear-thinking.1.json')
    expect(answered(body).choices).toMatchObject([
      {
        message: {
          content: '925 ÷ 5 = 185',
          reasoning_content: '925 divided by 5 = 185',
          thinking_blocks: [objects(body.content)[0]],
        },
      },
    ])
  })

  it('with a tool call gives its input as JSON text', () => {
    const body = fixtureJson('recorded/anthropic/anthropic-json-tool.1.json')
    expect(answered(body).choices).toMatchObject([
      {
        message: {
          content: null,
          tool_calls: [
            {
              id: 'toolu_01Q9ExVZnzZj7E2QQYHYtNUa',
              type: 'function',
              function: { name: 'json', arguments: JSON.stringify(objects(body.content)[0]?.input) },
            },
          ],
        },
        finish_reason: 'tool_calls',
      },
    ])
  })

  it('with a call without arguments gives an empty object', () => {
    const body = fixtureJson('recorded/anthropic/anthropic-tool-no-args.json')
    expect(answered(body).choices).toMatchObject([
      { message: { tool_calls: [{ function: { name: 'updateIssueList', arguments: '{}' } }] } },
    ])
  })

  it.each(['kong/unit/real-responses/anthropic/llm-v1-chat', 'kong/anthropic/llm-v1-chat/responses/good'])(
    'of Kong is one too: %s',
    (path) => {
      const body = fixtureJson(`${path}.json`)
      const [block] = objects(body.content)
      expect(answered(body)).toMatchObject({
        model: 'claude-2.1',
        choices: [{ message: { content: block?.text }, finish_reason: 'stop' }],
        usage: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 },
      })
    },
  )
})

describe('content', () => {
  it('is joined as the model said it, without line breaks of ours', () => {
    const body = message([
      { type: 'text', text: 'Two ' },
      { type: 'text', text: 'words' },
    ])
    expect(answered(body).choices).toMatchObject([{ message: { content: 'Two words' } }])
  })

  it('may be empty', () => {
    expect(calls(message([])).calls).toEqual([
      ['start', { id: 'msg_1', model: 'claude' }],
      ['finish', 0, 'stop'],
      ['done'],
    ])
  })

  it('keeps redacted thinking for the next turn, and unsigned thinking only as text', () => {
    const body = message([
      { type: 'redacted_thinking', data: 'xyz' },
      { type: 'thinking', thinking: 'Hm.' },
    ])
    const sink = calls(body)
    expect(sink.of('extra')).toEqual([[0, 'thinking_blocks', [{ type: 'redacted_thinking', data: 'xyz' }]]])
    expect(sink.of('reasoning')).toEqual([[0, 'Hm.']])
  })

  it('lists the citations of all its text', () => {
    const cited = (cited_text: string): JsonObject => ({ type: 'char_location', cited_text })
    const [a, b, c] = [cited('a'), cited('b'), cited('c')]
    const body = message([
      { type: 'text', text: 'One', citations: [a, b] },
      { type: 'text', text: 'Two', citations: [c] },
      { type: 'text', text: 'Three', citations: null },
    ])
    expect(answered(body).choices).toMatchObject([
      { message: { content: 'OneTwoThree', citations: [a, b, c] } },
    ])
  })

  it("leaves out the provider's own tools and what nobody knows", () => {
    const sink = calls(
      message([
        { type: 'server_tool_use', id: 'srv', name: 'web_search', input: { query: 'x' } },
        { type: 'web_search_tool_result', tool_use_id: 'srv', content: [] },
        { type: 'dream', text: 'no' },
        { type: 'constructor' },
        null,
        'text',
        { type: 'text', text: 7 },
        { type: 'text', text: 'yes' },
      ]),
    )
    expect(sink.of('text')).toEqual([[0, 'yes']])
    expect(sink.of('toolStart')).toEqual([])
  })
})

describe('stop_reason', () => {
  it.each([
    ['end_turn', 'stop'],
    ['stop_sequence', 'stop'],
    ['pause_turn', 'stop'],
    ['max_tokens', 'length'],
    ['model_context_window_exceeded', 'length'],
    ['tool_use', 'tool_calls'],
    ['refusal', 'content_filter'],
    ['bored', 'stop'],
    ['constructor', 'stop'],
  ])('%s is %s', (stop_reason, expected) => {
    expect(calls(message([], { stop_reason })).of('finish')).toEqual([[0, expected]])
  })

  it('missing is no finish, which is for the sink to complain about', () => {
    expect(calls(message([], { stop_reason: null })).of('finish')).toEqual([])
    expect(answered(message([], { stop_reason: null })).choices).toMatchObject([{ finish_reason: null }])
  })

  it('refusal says why, where the provider does', () => {
    const stop_details = { type: 'refusal', category: 'bio', explanation: 'Not this.' }
    expect(calls(message([], { stop_reason: 'refusal', stop_details })).of('refusal')).toEqual([
      [0, 'Not this.'],
    ])
  })
})

describe('usage', () => {
  it('counts what went through the prompt cache as prompt', () => {
    const usage = {
      input_tokens: 10,
      cache_creation_input_tokens: 100,
      cache_read_input_tokens: 1000,
      output_tokens: 50,
      output_tokens_details: { thinking_tokens: 20 },
    }
    expect(calls(message([], { usage })).of('usage')).toEqual([
      [
        {
          prompt_tokens: 1110,
          completion_tokens: 50,
          total_tokens: 1160,
          prompt_tokens_details: { cached_tokens: 1000, cache_creation_tokens: 100 },
          completion_tokens_details: { reasoning_tokens: 20 },
        },
      ],
    ])
  })

  it('is its two numbers where there is no more', () => {
    expect(calls(message([], { usage: { input_tokens: 1, output_tokens: 2 } })).of('usage')).toEqual([
      [{ prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 }],
    ])
  })

  it.each(['no_usage_response', 'malformed_usage_response'])('is absent where it is unknown: %s', (name) => {
    expect(answered(fixtureJson(`kong/anthropic/llm-v1-chat/responses/${name}.json`))).not.toHaveProperty(
      'usage',
    )
  })
})

describe('what is no answer', () => {
  it.each([
    fixtureJson('kong/anthropic/llm-v1-chat/responses/bad_upstream_response.json'),
    null,
    'text',
    [],
    { content: 'Hi' },
  ])('is an error of the upstream: %#', (body) => {
    expect(calls(body).calls).toEqual([
      [
        'error',
        expect.objectContaining({
          status: 500,
          message: expect.stringContaining("'content' not in anthropic"),
        }),
      ],
    ])
  })

  it('may be an error behind a 200', () => {
    const body = { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }
    expect(calls(body).calls).toEqual([
      ['error', expect.objectContaining({ status: 529, message: 'Overloaded' })],
    ])
  })
})
