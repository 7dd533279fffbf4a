import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { anthropic } from '../../../../../lib/llm/drivers/anthropic/index.js'
import { ChatStreamSink } from '../../../../../lib/llm/formats/chat-stream.js'
import { accumulated, answered, fixtureJson, frameOf, streamed } from '../../../../support/anthropic.js'
import { RECORDINGS, START, framesOf } from '../../../../support/anthropic-events.js'
import { objects, parseObject } from '../../../../support/json.js'

describe('any answer', () => {
  const text = fc.string({ unit: 'grapheme' })
  const signature = fc.base64String({ minLength: 1 })
  const citation = fc.record({ type: fc.constant('char_location'), cited_text: text })
  const content = fc.oneof(
    fc.record({ type: fc.constant('text'), text, citations: fc.array(citation, { maxLength: 2 }) }),
    fc.record({ type: fc.constant('thinking'), thinking: text, signature }),
    fc.record({ type: fc.constant('redacted_thinking'), data: signature }),
    fc.record({
      type: fc.constant('tool_use'),
      id: signature,
      name: signature,
      input: fc.dictionary(text, fc.jsonValue()),
    }),
    fc.record({ type: fc.constant('server_tool_use'), id: signature, input: fc.constant({}) }),
  )
  const reasons = ['end_turn', 'max_tokens', 'stop_sequence', 'tool_use', 'refusal', 'pause_turn']
  const message = fc.record({
    id: signature,
    model: signature,
    content: fc.array(content, { maxLength: 5 }),
    stop_reason: fc.constantFrom(...reasons, 'model_context_window_exceeded'),
    usage: fc.record({ input_tokens: fc.nat(), output_tokens: fc.nat(), cache_read_input_tokens: fc.nat() }),
  })

  it('streamed adds up to the same answer not streamed, however the provider cut it', () => {
    fc.assert(
      fc.property(message, fc.nat(6), fc.boolean(), (body, longest, pings) => {
        expect(accumulated(framesOf(body, longest + 1, pings))).toEqual(answered(body))
      }),
    )
  })

  it.each(RECORDINGS)('that was recorded whole, too: %s', (name) => {
    const body = fixtureJson(`recorded/anthropic/${name}.json`)
    expect(accumulated(framesOf(body, 4, true))).toEqual(answered(body))
  })

  it('streamed ends with one finish reason, the usage chunk and one [DONE]', () => {
    fc.assert(
      fc.property(message, fc.nat(6), (body, longest) => {
        const sink = new ChatStreamSink({ model: 'requested', includeUsage: true })
        const translator = anthropic.stream(sink)
        for (const frame of framesOf(body, longest + 1, false)) translator.frame(frame)
        translator.end()
        const events = sink.take().trimEnd().split('\n\n')
        expect(events.pop()).toBe('data: [DONE]')
        const chunks = events.map((event) => parseObject(event.slice('data: '.length)))
        expect(chunks.pop()).toMatchObject({ choices: [], usage: { total_tokens: expect.any(Number) } })
        const finishReasons = chunks.map((chunk) => objects(chunk.choices)[0]?.finish_reason)
        expect(finishReasons.filter((reason) => reason !== null)).toHaveLength(1)
        expect(finishReasons.at(-1)).toEqual(expect.any(String))
      }),
    )
  })

  it('streamed and cut ends with one error and no [DONE]', () => {
    fc.assert(
      fc.property(message, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (body, where) => {
        const frames = framesOf(body, 3, false)
        const sink = new ChatStreamSink({ model: 'requested' })
        const translator = anthropic.stream(sink)
        for (const frame of frames.slice(0, Math.floor(where * frames.length))) translator.frame(frame)
        translator.end()
        const events = sink.take().trimEnd().split('\n\n')
        expect(events.filter((event) => event.startsWith('data: {"error"'))).toEqual([events.at(-1)])
        expect(events).not.toContain('data: [DONE]')
      }),
    )
  })
})

describe('frames', () => {
  it('of any shape never throw', () => {
    const types = [
      'message_start',
      'content_block_start',
      'content_block_delta',
      'content_block_stop',
      'message_delta',
    ]
    const event = fc.record(
      {
        type: fc.constantFrom(...types, 'error', 'ping', 'toString'),
        index: fc.jsonValue(),
        message: fc.jsonValue(),
        content_block: fc.oneof(fc.jsonValue(), block(fc.jsonValue())),
        delta: fc.oneof(fc.jsonValue(), block(fc.jsonValue())),
        usage: fc.jsonValue(),
        error: fc.jsonValue(),
      },
      { requiredKeys: ['type'] },
    )
    fc.assert(
      fc.property(fc.array(event), (events) => {
        const { calls } = streamed([
          frameOf(START),
          ...events.map((data) => ({ event: data.type, data: JSON.stringify(data) })),
        ])
        expect(calls.at(-1)?.[0]).toBe('error')
        expect(calls.filter(([method]) => method === 'error')).toHaveLength(1)
      }),
    )
  })
})

/** Something with the type of a block or of a delta, and members of any kind. */
function block(value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const types = ['text', 'thinking', 'tool_use', 'redacted_thinking', 'text_delta', 'input_json_delta']
  return fc.record({
    type: fc.constantFrom(...types, 'citations_delta', 'thinking_delta', 'signature_delta'),
    text: value,
    citations: value,
    citation: value,
    thinking: value,
    signature: value,
    id: value,
    name: value,
    input: value,
    partial_json: value,
    data: value,
  })
}
