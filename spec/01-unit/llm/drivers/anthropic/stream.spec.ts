import { describe, expect, it } from 'vitest'
import { anthropic } from '../../../../../lib/llm/drivers/anthropic/index.js'
import { ChatStreamSink } from '../../../../../lib/llm/formats/chat-stream.js'
import type { JsonObject } from '../../../../../lib/llm/json.js'
import { accumulated, fixture, frameOf, recordedFrames, streamed } from '../../../../support/anthropic.js'
import { RECORDINGS, START, STOP, close, delta, finish, open } from '../../../../support/anthropic-events.js'
import { RecordingSink } from '../../../../support/recording-sink.js'

/** What is said of these content events, in a stream that is good otherwise. */
function contentOf(...events: JsonObject[]): RecordingSink {
  return streamed([START, ...events, finish('end_turn'), STOP].map(frameOf))
}

describe('recorded streams', () => {
  it('of text say each delta as it came', () => {
    expect(streamed(recordedFrames('anthropic-text')).calls).toEqual([
      [
        'start',
        { id: 'msg_01QC4g3HwBThD4BaNtBckFDJ', model: 'claude-sonnet-4-5-20250929', serviceTier: 'default' },
      ],
      ['text', 0, 'Hello'],
      ['text', 0, '! I'],
      ['text', 0, "'m doing well, thank you for asking"],
      ['text', 0, '. How are you doing today?'],
      ['text', 0, ' Is'],
      ['text', 0, ' there anything I can help you with?'],
      ['finish', 0, 'stop'],
      [
        'usage',
        {
          prompt_tokens: 12,
          completion_tokens: 30,
          total_tokens: 42,
          prompt_tokens_details: { cached_tokens: 0 },
        },
      ],
      ['done'],
    ])
  })

  it('with thinking give the signed block once it is whole', () => {
    const { choices } = accumulated(recordedFrames('anthropic-clear-thinking.1'))
    const thinking = 'The previous result was 925. Now I need to divide that by 5.\n\n925 ÷ 5 = 185'
    expect(choices).toMatchObject([
      {
        message: {
          content: '925 ÷ 5 = 185',
          reasoning_content: thinking,
          thinking_blocks: [{ type: 'thinking', thinking, signature: expect.stringMatching(/^EvQB.*BgB$/) }],
        },
        finish_reason: 'stop',
      },
    ])
  })

  it('with a tool call say its arguments in pieces', () => {
    const sink = streamed(recordedFrames('anthropic-json-tool.1'))
    expect(sink.of('toolStart')).toEqual([[0, 0, 'toolu_01KFbKqPYSuAKujiL6mTfzYA', 'json']])
    expect(sink.of('toolArgs')).toEqual([
      [0, 0, '{"elements": [{"location": "San Francisco", "temperature": 58, "condition": "sunny"}]'],
      [0, 0, '}'],
    ])
    expect(sink.of('finish')).toEqual([[0, 'tool_calls']])
  })

  it('with a call without arguments give an empty object', () => {
    expect(streamed(recordedFrames('anthropic-tool-no-args')).of('toolArgs')).toEqual([[0, 0, '{}']])
  })

  it("of Kong's mock say what it says", () => {
    const data = fixture('kong/embedded/streams/anthropic-chat-good.sse').match(/(?<=^data: ).*/gm) ?? []
    const body = accumulated(data.map((line) => ({ event: '', data: line })))
    expect(body).toMatchObject({
      id: 'msg_013NVLwA2ypoPDJAxqC3G7wg',
      choices: [{ message: { content: '1 + 1 = 2' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 15, completion_tokens: 9, total_tokens: 24 },
    })
  })

  it.each(RECORDINGS)('cut after any frame deliver what came before, then an error: %s', (name) => {
    const frames = recordedFrames(name)
    const whole = streamed(frames).calls
    for (let n = 0; n < frames.length; n++) {
      const { calls } = streamed(frames.slice(0, n))
      expect(calls.at(-1)).toEqual([
        'error',
        expect.objectContaining({ status: 502, code: 'incomplete_answer' }),
      ])
      expect(calls.slice(0, -1)).toEqual(whole.slice(0, calls.length - 1))
    }
    expect(whole.at(-1)).toEqual(['done'])
  })

  it.each(RECORDINGS)('say a frame in the call that brings it, whatever comes later: %s', (name) => {
    const frames = recordedFrames(name)
    const sink = new RecordingSink()
    const translator = anthropic.stream(sink)
    frames.forEach((frame, i) => {
      translator.frame(frame)
      expect(sink.calls).toEqual(streamed(frames.slice(0, i + 1), false).calls)
    })
    expect(translator.unknownFrames).toBe(0)
  })
})

describe('blocks', () => {
  it('of parallel calls keep their arguments apart, even where their pieces alternate', () => {
    const { choices } = accumulated(
      [
        START,
        open(0, { type: 'text', text: '' }),
        open(1, { type: 'tool_use', id: 'a', name: 'f', input: {} }),
        open(2, { type: 'tool_use', id: 'b', name: 'g', input: {} }),
        delta(1, { type: 'input_json_delta', partial_json: '{"x":' }),
        delta(2, { type: 'input_json_delta', partial_json: '{"y":' }),
        delta(1, { type: 'input_json_delta', partial_json: '1}' }),
        delta(2, { type: 'input_json_delta', partial_json: '2}' }),
        finish('tool_use'),
        STOP,
      ].map(frameOf),
    )
    expect(choices).toMatchObject([
      {
        message: {
          tool_calls: [
            { id: 'a', function: { name: 'f', arguments: '{"x":1}' } },
            { id: 'b', function: { name: 'g', arguments: '{"y":2}' } },
          ],
        },
      },
    ])
  })

  it('that start with their whole content say it at once, and once', () => {
    const sink = contentOf(
      open(0, { type: 'text', text: 'Hi', citations: [{ cited_text: 'a' }] }),
      close(0),
      open(1, { type: 'tool_use', id: 'a', name: 'f', input: { x: 1 } }),
      delta(1, { type: 'input_json_delta', partial_json: '{"x":1}' }),
      close(1),
      open(2, { type: 'redacted_thinking', data: 'xyz' }),
      close(2),
    )
    expect(sink.of('text')).toEqual([[0, 'Hi']])
    expect(sink.of('toolArgs')).toEqual([[0, 0, '{"x":1}']])
    expect(sink.of('extra')).toEqual([
      [0, 'citations', [{ cited_text: 'a' }]],
      [0, 'thinking_blocks', [{ type: 'redacted_thinking', data: 'xyz' }]],
    ])
  })

  it('leave arguments that the limit cut as they are', () => {
    const sink = streamed(
      [
        START,
        open(0, { type: 'tool_use', id: 'a', name: 'f', input: {} }),
        delta(0, { type: 'input_json_delta', partial_json: '{"x":' }),
        close(0),
        finish('max_tokens'),
        STOP,
      ].map(frameOf),
    )
    expect(sink.of('toolArgs')).toEqual([[0, 0, '{"x":']])
    expect(sink.of('finish')).toEqual([[0, 'length']])
  })

  it('that another of the same index follows are closed by it', () => {
    const sink = contentOf(
      open(0, { type: 'tool_use', id: 'a', name: 'f', input: {} }),
      open(0, { type: 'text', text: 'Hi' }),
    )
    expect(sink.of('toolArgs')).toEqual([[0, 0, '{}']])
  })

  it('that nobody closed are closed with the message', () => {
    const sink = contentOf(
      open(0, { type: 'thinking', thinking: '', signature: '' }),
      delta(0, { type: 'thinking_delta', thinking: 'Hm.' }),
      delta(0, { type: 'signature_delta', signature: 'sig' }),
    )
    expect(sink.of('extra')).toEqual([
      [0, 'thinking_blocks', [{ type: 'thinking', thinking: 'Hm.', signature: 'sig' }]],
    ])
  })

  it("of the provider's own tools and unknown ones are passed over with their deltas", () => {
    const sink = contentOf(
      open(0, { type: 'server_tool_use', id: 's', name: 'web_search', input: {} }),
      delta(0, { type: 'input_json_delta', partial_json: '{"query":"x"}' }),
      close(0),
      open(1, { type: 'web_search_tool_result', content: [] }),
      close(1),
      open(2, { type: 'dream' }),
      delta(2, { type: 'text_delta', text: 'no' }),
      open(3, { type: 'text', text: '' }),
      delta(3, { type: 'hum_delta', text: 'no' }),
      delta(3, { type: 'citations_delta', citation: { cited_text: 'c' } }),
    )
    expect(sink.calls.map(([method]) => method)).toEqual(['start', 'extra', 'finish', 'usage', 'done'])
  })
})

describe('the message', () => {
  it('without content is an empty answer', () => {
    expect(contentOf().calls.map(([method]) => method)).toEqual(['start', 'finish', 'usage', 'done'])
  })

  it('that was refused says why', () => {
    const refusal = {
      type: 'message_delta',
      delta: { stop_reason: 'refusal', stop_details: { explanation: 'No.' } },
    }
    const sink = streamed([START, refusal, STOP].map(frameOf))
    expect(sink.of('refusal')).toEqual([[0, 'No.']])
    expect(sink.of('finish')).toEqual([[0, 'content_filter']])
  })

  it('without a stop_reason is left to the sink to complain about', () => {
    const sink = new ChatStreamSink({ model: 'm' })
    const translator = anthropic.stream(sink)
    for (const event of [START, STOP]) translator.frame(frameOf(event))
    expect(sink.failure).toMatchObject({ status: 502, code: 'incomplete_answer' })
  })
})

describe('usage', () => {
  it('is cumulative: the last figures count, those left out or null stay', () => {
    const sink = streamed(
      [
        START,
        { type: 'message_delta', delta: {}, usage: { output_tokens: 4 } },
        finish('end_turn', { output_tokens: 9, input_tokens: null, cache_read_input_tokens: 2 }),
        STOP,
      ].map(frameOf),
    )
    expect(sink.of('usage')).toMatchObject([
      [{ prompt_tokens: 5, completion_tokens: 4 }],
      [{ prompt_tokens: 7, completion_tokens: 9, total_tokens: 16 }],
    ])
  })

  it('is absent where only the first, provisional count of the output came', () => {
    const sink = streamed([START, finish('end_turn', {}), STOP].map(frameOf))
    expect(sink.of('usage')).toEqual([])
  })
})

describe('frames', () => {
  it('that nobody knows are passed over and counted, pings only passed over', () => {
    const sink = new RecordingSink()
    const translator = anthropic.stream(sink)
    for (const type of ['ping', 'hum', 'constructor', 'content_block_hum'])
      translator.frame(frameOf({ type }))
    expect(translator.unknownFrames).toBe(3)
    expect(sink.calls).toEqual([])
  })

  it('are known by their event where the data name no type', () => {
    const sink = streamed([{ event: 'message_start', data: '{"message":{"id":"m"}}' }], false)
    expect(sink.calls).toEqual([['start', { id: 'm' }]])
  })

  it.each(['{"type":', '', '[DONE]', '7', 'null', '[]'])(
    'that are no JSON object end the answer: %j',
    (data) => {
      const sink = streamed([frameOf(START), { event: 'content_block_delta', data }, frameOf(STOP)])
      expect(sink.calls.slice(1)).toEqual([
        ['error', expect.objectContaining({ status: 502, code: 'frame_corrupt' })],
      ])
    },
  )

  it.each([
    [[open(0, { type: 'text' })]],
    [[finish('end_turn')]],
    [[STOP]],
    [[START, START]],
    [[START, delta(0, { type: 'text_delta', text: 'a' })]],
    [[START, open(0, { type: 'text' }), close(0), delta(0, { type: 'text_delta', text: 'a' })]],
    [[START, finish('end_turn'), open(1, { type: 'text' })]],
  ])('out of order end the answer: %#', (events) => {
    expect(streamed(events.map(frameOf)).calls.at(-1)).toEqual([
      'error',
      expect.objectContaining({ status: 502, code: 'frame_unexpected' }),
    ])
  })

  it('after an error or the end are ignored', () => {
    const error = { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }
    const failed = streamed([START, error, open(0, { type: 'text', text: 'late' }), STOP].map(frameOf))
    expect(failed.calls.map(([method]) => method)).toEqual(['start', 'error'])
    const done = streamed([START, finish('end_turn'), STOP, error].map(frameOf))
    expect(done.calls.at(-1)).toEqual(['done'])
  })
})
