import { describe, expect, it } from 'vitest'
import { createAnswer } from '../../../../../lib/llm/answers/index.js'
import { cohere } from '../../../../../lib/llm/drivers/cohere/index.js'
import type { Frame } from '../../../../../lib/llm/frames/frame.js'
import type { JsonObject } from '../../../../../lib/llm/json.js'
import { byteByByte, everyCut, seededCuts } from '../../../../support/cuts.js'
import {
  DriverHarness,
  fixtureBytes,
  fixtureLines,
  fixtureObject,
  onlyError,
} from '../../../../support/driver-harness.js'
import { faultsOfChunk } from '../../../../support/openai-schema.js'
import { readAsClient, through } from '../../../../support/streams.js'

const driver = new DriverHarness(cohere, { model: 'command-a', options: {}, stream: true })
const RECORDINGS = ['cohere-text', 'cohere-tool-call', 'cohere-reasoning', 'cohere-empty-tool-call']

const frameOf = (event: JsonObject): Frame => ({
  event: typeof event.type === 'string' ? event.type : '',
  data: JSON.stringify(event),
})

function recorded(name: string): Frame[] {
  return fixtureLines(`recorded/cohere/${name}.chunks.txt`).map(frameOf)
}

const START = { type: 'message-start', id: 'm1', delta: { message: { role: 'assistant' } } }
const END = { type: 'message-end', delta: { finish_reason: 'COMPLETE' } }
/** A call, from start to end. */
const CALL = [
  {
    type: 'tool-call-start',
    index: 0,
    delta: { message: { tool_calls: { id: 'c', function: { name: 'f' } } } },
  },
  { type: 'tool-call-end', index: 0 },
]

/** Messages of one answer: each a type, its index and what its `delta.message` holds. */
function events(...inner: [type: string, index: number, message: JsonObject][]): Frame[] {
  const between = inner.map(([type, index, message]) => ({ type, index, delta: { message } }))
  return [START, ...between, END].map(frameOf)
}

describe('an answer of Cohere', () => {
  it('is its text, with what was billed', () => {
    const body = driver.answered(fixtureObject('recorded/cohere/cohere-text.json'))
    expect(body).toMatchObject({
      model: 'requested',
      choices: [{ message: { content: 'The capital of France is Paris.' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 12, completion_tokens: 7, total_tokens: 19 },
    })
    expect(driver.accumulated(recorded('cohere-text'))).toEqual(body)
  })

  it('has the plan of its calls as reasoning', () => {
    const { choices } = driver.answered(fixtureObject('recorded/cohere/cohere-tool-call.json'))
    expect(choices).toMatchObject([
      {
        message: {
          content: null,
          reasoning_content: expect.stringMatching(/^I will use the weather tool/),
          tool_calls: [
            {
              id: 'weather_dqgshstja6p9',
              function: { name: 'weather', arguments: '{"location":"San Francisco"}' },
            },
            { function: { name: 'cityAttractions', arguments: '{"city":"San Francisco"}' } },
          ],
        },
        finish_reason: 'tool_calls',
      },
    ])
  })

  it('streams parallel calls piece by piece', () => {
    const { choices } = driver.accumulated(recorded('cohere-tool-call'))
    expect(choices).toMatchObject([
      {
        message: {
          tool_calls: [
            { id: 'weather_e8p4pn45zt0t', function: { arguments: '{"location": "San Francisco"}' } },
            { id: 'cityAttractions_pyxssbwnq9fq', function: { arguments: '{"city": "San Francisco"}' } },
          ],
        },
        finish_reason: 'tool_calls',
      },
    ])
    expect(driver.stream(recorded('cohere-tool-call')).of('toolArgs').length).toBeGreaterThan(10)
  })

  it('has its thinking as reasoning', () => {
    expect(driver.accumulated(recorded('cohere-reasoning')).choices).toMatchObject([
      {
        message: {
          reasoning_content: expect.stringMatching(/^The user is asking for the sum of 2 and/),
          content: expect.stringMatching(/4\.$/),
        },
      },
    ])
  })

  it.each([
    ['null', () => driver.answered(fixtureObject('recorded/cohere/cohere-null-args.json'))],
    ['nothing', () => driver.accumulated(recorded('cohere-empty-tool-call'))],
    [
      'null in pieces',
      () =>
        driver.accumulated(
          events(
            ['tool-call-start', 0, { tool_calls: { id: 'c', function: { name: 'f', arguments: 'n' } } }],
            ['tool-call-delta', 0, { tool_calls: { function: { arguments: 'ull' } } }],
          ),
        ),
    ],
  ])('takes a call with %s for arguments as one without', (_, answer) => {
    expect(answer().choices).toMatchObject([{ message: { tool_calls: [{ function: { arguments: '{}' } }] } }])
  })

  it('has its citations as they came', () => {
    const body = fixtureObject('recorded/cohere/cohere-citations.json')
    const { choices } = driver.answered(body)
    const [first, second] = [
      { start: 0, end: 2, text: 'A' },
      { start: 3, end: 4, text: 'B' },
    ]
    expect(choices).toMatchObject([
      { message: { citations: [{ start: 52 }, { start: 75 }, { start: 101 }] } },
    ])
    const streamed = driver.accumulated(
      events(
        ['content-delta', 0, { content: { text: 'A, B' } }],
        ['citation-start', 0, { citations: first }],
        ['citation-end', 0, {}],
        ['citation-start', 1, { citations: second }],
      ),
    )
    expect(streamed.choices).toMatchObject([{ message: { citations: [first, second] } }])
  })

  it('has the probability of each piece of its text', () => {
    const piece = { text: ' é', token_ids: [1, 2], logprobs: [-0.5, -0.25] }
    const sink = driver.response({ message: { content: [] }, logprobs: [piece], finish_reason: 'COMPLETE' })
    const expected = [{ token: ' é', logprob: -0.75, bytes: [32, 195, 169], top_logprobs: [] }]
    expect(sink.of('logprobs')).toEqual([[0, expected]])
    const delta = { type: 'content-delta', delta: { message: { content: { text: ' é' } } }, logprobs: piece }
    expect(driver.stream([START, delta, END].map(frameOf)).of('logprobs')).toEqual([[0, expected]])
  })

  it.each([
    ['COMPLETE', 'stop'],
    ['STOP_SEQUENCE', 'stop'],
    ['MAX_TOKENS', 'length'],
    ['TOOL_CALL', 'tool_calls'],
    ['ERROR_TOXIC', 'content_filter'],
    ['SOMETHING_NEW', 'stop'],
  ])('ends for %s', (finish_reason, expected) => {
    expect(driver.response({ message: {}, finish_reason }).of('finish')).toEqual([[0, expected]])
  })

  it.each([
    [{ finish_reason: 'ERROR' }, 502, /could not complete/],
    [{ finish_reason: 'TIMEOUT' }, 504, /could not complete/],
    [{ finish_reason: 'ERROR', error: 'out of luck' }, 502, /out of luck/],
  ])('fails for %j', (end, status, message) => {
    const error = onlyError(driver.stream([START, { type: 'message-end', delta: end }].map(frameOf)))
    expect(error).toMatchObject({ status, message: expect.stringMatching(message) })
  })

  it.each([
    [
      { billed_units: { input_tokens: 3 }, tokens: { input_tokens: 9, output_tokens: 4 } },
      [3, 4, 7, undefined],
    ],
    [{ tokens: { input_tokens: 9, output_tokens: 4 }, cached_tokens: 8 }, [9, 4, 13, 8]],
    [{ billed_units: { output_tokens: 4 } }, [0, 4, 4, undefined]],
  ])('counts what there is to count: %j', (usage, [prompt, completion, total, cached]) => {
    expect(driver.response({ message: {}, finish_reason: 'COMPLETE', usage }).of('usage')).toEqual([
      [
        {
          prompt_tokens: prompt,
          completion_tokens: completion,
          total_tokens: total,
          ...(cached !== undefined && { prompt_tokens_details: { cached_tokens: cached } }),
        },
      ],
    ])
  })

  it('of another shape is none', () => {
    const error = onlyError(
      driver.response(fixtureObject('kong/cohere/llm-v1-chat/responses/bad_upstream_response.json')),
    )
    expect(error).toMatchObject({
      status: 500,
      message:
        "transformation failed from type cohere://llm/v1/chat: 'message' missing from cohere response body",
    })
  })
})

describe('a stream of Cohere', () => {
  it.each(RECORDINGS)('says each event in the call that brings it: %s', (name) => {
    const frames = recorded(name)
    const whole = driver.stream(frames).calls
    let said = 0
    frames.forEach((_, n) => {
      const { calls } = driver.stream(frames.slice(0, n + 1), false)
      expect(calls).toEqual(whole.slice(0, calls.length))
      expect(calls.length).toBeGreaterThanOrEqual(said)
      said = calls.length
    })
    expect(whole.at(-1)).toEqual(['done'])
    expect(driver.unknownFrames(frames)).toBe(0)
  })

  it.each(RECORDINGS)('cut off anywhere is an error: %s', (name) => {
    const frames = recorded(name)
    for (let n = 0; n < frames.length; n++) {
      expect(onlyError(driver.stream(frames.slice(0, n)))).toMatchObject({
        status: 502,
        code: 'incomplete_answer',
      })
    }
  })

  it.each(RECORDINGS)('does not depend on how its bytes were cut: %s', (name) => {
    const text = recorded(name).map(({ event, data }) => `event: ${event}\ndata: ${data}\n\n`)
    const bytes = Buffer.from(text.join(''))
    const client = (cut: Uint8Array[]) => {
      const answer = createAnswer({
        driver: cohere,
        route: 'llm/v1/chat',
        native: false,
        stream: true,
        contentType: 'text/event-stream',
        model: 'command-a',
        includeUsage: true,
      })
      return readAsClient(through(answer, cut))
    }
    const timeless = ({ whole, ...view }: ReturnType<typeof client>) => ({
      done: view.done,
      error: view.error,
      whole: { ...whole, created: 0 },
    })
    const { chunks, ...expected } = client([bytes])
    expect(expected.done).toBe(true)
    for (const item of chunks) expect(faultsOfChunk(item)).toEqual([])
    for (const cut of [byteByByte(bytes), ...everyCut(bytes, 60), ...seededCuts(bytes, 3, 10)]) {
      expect(timeless(client(cut))).toEqual(timeless({ chunks, ...expected }))
    }
  })

  it('passes over events that nobody knows, and counts them', () => {
    const frames = [START, { type: 'hum' }, { type: 'debug' }, END].map(frameOf)
    expect(driver.unknownFrames(frames)).toBe(1)
    expect(driver.stream(frames).calls.at(-1)).toEqual(['done'])
  })

  it.each([
    [[END]],
    [[START, START]],
    [[{ type: 'content-delta', delta: {} }]],
    [[START, { type: 'tool-call-delta', index: 4, delta: { message: { tool_calls: {} } } }]],
    [[START, ...CALL, { type: 'tool-call-delta', index: 0, delta: { message: { tool_calls: {} } } }]],
  ])('ends where an event is out of order: %#', (list) => {
    expect(onlyError(driver.stream(list.map(frameOf)))).toMatchObject({ code: 'frame_unexpected' })
  })

  it.each(['{', '7', '[]'])('ends where an event is none: %s', (data) => {
    expect(onlyError(driver.stream([frameOf(START), { event: '', data }]))).toMatchObject({
      code: 'frame_corrupt',
    })
  })

  it('says nothing after its end', () => {
    const { calls } = driver.stream([START, END, START, END].map(frameOf))
    expect(calls.map(([method]) => method)).toEqual(['start', 'finish', 'done'])
  })
})

describe('an error of Cohere', () => {
  it.each([
    [401, 'unauthorized.json', 'invalid api token', 'authentication_error'],
    [400, 'bad_request.json', 'bad request', 'invalid_request_error'],
  ])('%i keeps its status and message', (status, file, message, type) => {
    const body = fixtureObject(`kong/cohere/llm-v1-chat/responses/${file}`)
    expect(cohere.error(status, body)).toMatchObject({ status, message, type })
  })

  it('is never a page', () => {
    const html = fixtureBytes('kong/cohere/llm-v1-chat/responses/internal_server_error.html').toString()
    expect(cohere.error(500, html).message).toBe('the provider answered with status 500')
  })
})
