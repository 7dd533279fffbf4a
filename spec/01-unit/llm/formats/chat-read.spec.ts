import { describe, expect, it } from 'vitest'
import { ChatReader } from '../../../../lib/llm/formats/chat.js'
import type { JsonObject } from '../../../../lib/llm/json.js'
import { RecordingSink } from '../../../support/recording-sink.js'
import { chunk, fixtureText, recordedChunks } from '../../../support/streams.js'
import { parseObject } from '../../../support/json.js'

function read(...chunks: JsonObject[]): RecordingSink {
  const sink = new RecordingSink()
  const reader = new ChatReader(sink)
  for (const item of chunks) reader.chunk(item)
  return sink
}

function call(more: JsonObject): JsonObject {
  return chunk({ tool_calls: [more] })
}

describe('chat answers of OpenAI and its imitators', () => {
  it('says of the recorded stream what the client would read in it', () => {
    const sink = read(...recordedChunks('recorded/openai/openai-text.chunks.txt'))
    expect(sink.calls[0]).toEqual([
      'start',
      {
        id: 'chatcmpl-D8Z5oo6uDh67AD85p73ksdT1KxhE0',
        model: 'gpt-4.1-nano-2025-04-14',
        created: 1770933892,
        systemFingerprint: 'fp_de604bd877',
        serviceTier: 'default',
      },
    ])
    const text = sink.of('text').map(([, piece]) => piece)
    expect(text.join('')).toMatch(/^\*\*Holiday Name:/)
    expect(sink.of('finish')).toEqual([[0, 'stop']])
    expect(sink.of('usage')).toHaveLength(1)
  })

  it("starts with the first chunk that has a choice, not with Azure's prompt filter results", () => {
    const sink = read(...recordedChunks('recorded/openai/azure-model-router.1.chunks.txt'))
    expect(sink.of('start')).toEqual([
      [{ id: 'chatcmpl-CYPS1lijGoK8gd9lYzY3r9Sx50nbt', model: 'gpt-5-nano-2025-08-07', created: 1762317021 }],
    ])
    expect(sink.of('usage')).toMatchObject([[{ completion_tokens_details: { reasoning_tokens: 64 } }]])
  })

  it('knows a whole answer', () => {
    const sink = new RecordingSink()
    new ChatReader(sink).body(parseObject(fixtureText('recorded/openai/openai-text.json')))
    expect(sink.calls.map(([name]) => name)).toEqual(['start', 'usage', 'text', 'finish', 'done'])
  })

  it.each([
    ['reasoning_content', { reasoning_content: 'R' }],
    ['reasoning', { reasoning: 'R', reasoning_details: [] }],
    ['parts', { content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'R' }] }] }],
  ])('finds reasoning in %s', (_, delta) => {
    expect(read(chunk(delta)).of('reasoning')).toEqual([[0, 'R']])
  })

  it.each<[string, JsonObject]>([
    ['beside the last choice', chunk({}, 'stop', { usage: { prompt_tokens: 1, completion_tokens: 2 } })],
    ['in x_groq', chunk({}, 'stop', { x_groq: { usage: { prompt_tokens: 1, completion_tokens: 2 } } })],
  ])('finds usage %s', (_, last) => {
    expect(read(last).of('usage')).toEqual([[{ prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 }]])
  })

  it('takes an empty finish reason for none, and an unknown one for a stop', () => {
    const sink = read(chunk({ content: 'a' }, ''), chunk({}, 'eos'), chunk({}, 'something_new'))
    expect(sink.of('finish')).toEqual([
      [0, 'stop'],
      [0, 'stop'],
    ])
  })

  it('takes an empty error for none, as some servers say that there was none', () => {
    const sink = read({ ...chunk({ content: 'Hi' }, 'stop'), error: '' })
    expect(sink.of('error')).toEqual([])
    expect(sink.of('text')).toEqual([[0, 'Hi']])
  })

  it('takes a finish reason that is a failure for an error', () => {
    expect(read(chunk({}, 'insufficient_system_resource')).of('error')).toMatchObject([[{ status: 502 }]])
  })

  describe('tool calls', () => {
    const started = (sink: RecordingSink) =>
      sink.of('toolStart').map(([, number, id, name]) => [number, id, name])
    const args = (sink: RecordingSink) => sink.of('toolArgs').map(([, number, text]) => [number, text])

    it('are told apart by number, as OpenAI has it', () => {
      const sink = read(
        call({ index: 0, id: 'a', function: { name: 'f', arguments: '' } }),
        call({ index: 0, function: { arguments: '{' } }),
        call({ index: 1, id: 'b', function: { name: 'g', arguments: '' } }),
        call({ index: 0, function: { arguments: '}' } }),
      )
      expect(started(sink)).toEqual([
        [0, 'a', 'f'],
        [1, 'b', 'g'],
      ])
      expect(args(sink)).toEqual([
        [0, '{'],
        [0, '}'],
      ])
    })

    it('are told apart by id where the number is missing or always 0', () => {
      for (const number of [{}, { index: 0 }]) {
        const sink = read(
          call({ ...number, id: 'a', function: { name: 'f', arguments: '{}' } }),
          call({ ...number, id: 'b', function: { name: 'f', arguments: '{' } }),
          call({ ...number, function: { arguments: '}' } }),
        )
        expect(started(sink)).toEqual([
          [0, 'a', 'f'],
          [1, 'b', 'f'],
        ])
        expect(args(sink)).toEqual([
          [0, '{}'],
          [1, '{'],
          [1, '}'],
        ])
      }
    })

    it('start once where id and name come with every delta', () => {
      const same = { index: 0, id: 'a', function: { name: 'f', arguments: '1' } }
      const sink = read(call(same), call(same))
      expect(started(sink)).toEqual([[0, 'a', 'f']])
      expect(args(sink)).toEqual([
        [0, '1'],
        [0, '1'],
      ])
    })

    it('get an id where the server makes none, and text for arguments that are an object', () => {
      const sink = read(
        call({ function: { name: 'f', arguments: { a: 1 } } }),
        call({ function: { name: 'f', arguments: { a: 2 } } }),
      )
      const ids = started(sink).map(([, id]) => id)
      expect(ids[0]).toMatch(/^call_/)
      expect(new Set(ids).size).toBe(2)
      expect(args(sink)).toEqual([
        [0, '{"a":1}'],
        [1, '{"a":2}'],
      ])
    })

    it('may come in the old form', () => {
      const sink = read(
        chunk({ function_call: { name: 'f', arguments: '' } }),
        chunk({ function_call: { arguments: '{}' } }),
      )
      expect(started(sink)).toMatchObject([[0, expect.any(String), 'f']])
      expect(args(sink)).toEqual([[0, '{}']])
    })
  })

  it.each<[JsonObject, object]>([
    [
      { error: { message: 'm', type: 'server_error', code: null } },
      { status: 500, message: 'm', type: 'server_error' },
    ],
    [{ error: { message: 'm', code: 429 } }, { status: 429, code: '429', type: 'rate_limit_error' }],
    [{ error: { message: 'm', type: 'insufficient_quota' } }, { status: 429 }],
    [{ error: 'text' }, { status: 502, message: 'text' }],
    [
      { object: 'error', message: 'm', code: 400, type: 'BadRequestError' },
      { status: 400, message: 'm' },
    ],
    [{ error: {} }, { status: 502, message: 'the provider answered with status 502' }],
  ])('finds the error in %j', (body, error) => {
    expect(read(body).of('error')).toMatchObject([[error]])
  })

  it.each<unknown>([
    { choices: null },
    { choices: [null, 1, 'x', []] },
    {
      choices: [
        { index: -1, delta: null },
        { index: 1e9, delta: 5 },
      ],
    },
    {
      choices: [{ delta: { content: 5, tool_calls: [null, { function: 'x' }], reasoning: {}, refusal: [] } }],
    },
    { choices: [{ logprobs: 'x', finish_reason: 7 }], usage: 'many', id: 5, created: 'now' },
    {},
  ])('survives %j', (odd) => {
    const sink = new RecordingSink()
    const reader = new ChatReader(sink)
    reader.chunk(odd as JsonObject)
    reader.body(odd as JsonObject)
    expect(sink.of('error')).toEqual([])
    for (const [choice] of sink.of('text')) expect(choice).toBeLessThan(128)
  })

  it('says which chunks it does not know', () => {
    const reader = new ChatReader(new RecordingSink())
    expect(reader.chunk({ choice: [] })).toBe(false)
    expect(reader.chunk({ choices: [] })).toBe(true)
    expect(reader.chunk({ usage: { prompt_tokens: 1 } })).toBe(true)
  })
})
