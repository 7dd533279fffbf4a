import { describe, expect, it } from 'vitest'
import { createAnswer } from '../../../../../lib/llm/answers/index.js'
import { llama2Driver } from '../../../../../lib/llm/drivers/llama2/index.js'
import type { JsonObject } from '../../../../../lib/llm/json.js'
import { byteByByte, everyCut } from '../../../../support/cuts.js'
import { DriverHarness, fixtureObject, framesOf, onlyError } from '../../../../support/driver-harness.js'
import { eventsOf, readAsClient, sse, through } from '../../../../support/streams.js'

const raw = llama2Driver({ llama2_format: 'raw' })
const driver = new DriverHarness(raw, { model: 'llama2', options: {}, stream: true })

const token = (text: string, more: JsonObject = {}): JsonObject => ({
  index: 1,
  token: { id: 1, text, logprob: -0.1, special: false },
  generated_text: null,
  details: null,
  ...more,
})
const DETAILS = { finish_reason: 'eos_token', generated_tokens: 4, input_length: 9, seed: null }
const EVENTS = [
  token('\n'),
  token(' It'),
  token(' is'),
  token(' fine. '),
  token('</s>', {
    token: { id: 2, text: '</s>', logprob: 0, special: true },
    generated_text: '\n It is fine. ',
    details: DETAILS,
  }),
]
const frames = (events: JsonObject[]) => framesOf('sse', [sse(events, false)])

describe('a raw answer of Llama', () => {
  it.each<[string, unknown]>([
    ['alone', { generated_text: ' Yes.' }],
    ['in a list', [{ generated_text: ' Yes.' }]],
    ['in data', { data: [{ generated_text: '<s>[INST] a [/INST] b </s><s>[INST] c [/INST]\n\nYes.' }] }],
  ])('is the text after the prompt: %s', (_, body) => {
    expect(driver.answered(body)).toMatchObject({
      model: 'requested',
      choices: [{ message: { content: 'Yes.' }, finish_reason: 'stop' }],
    })
  })

  it.each(['llm-v1-chat', 'llm-v1-completions'])("is Kong's own sample: %s", (name) => {
    const body = fixtureObject(`kong/unit/real-responses/llama2/raw/${name}.json`)
    expect(driver.response(body).of('text')).toEqual([
      [0, 'You cannot divide by zero because it is not a valid operation in mathematics.'],
    ])
  })

  it.each([
    ['eos_token', 'stop'],
    ['stop_sequence', 'stop'],
    ['length', 'length'],
    ['else', 'stop'],
  ])('ends for %s', (finish_reason, expected) => {
    const body = { generated_text: 'a', details: { finish_reason } }
    expect(driver.response(body).of('finish')).toEqual([[0, expected]])
  })

  it('has usage where both sides were counted', () => {
    const details = { finish_reason: 'length', generated_tokens: 2, prefill: [] as JsonObject[] }
    expect(driver.response({ generated_text: 'a', details }).of('usage')).toEqual([])
    const counted = { ...details, prefill: [{ id: 1 }, { id: 2 }, { id: 3 }] }
    expect(driver.response({ generated_text: 'a', details: counted }).of('usage')).toEqual([
      [{ prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 }],
    ])
  })

  it.each([{}, { data: [] }, [], 'text', null, { data: [{ text: 'a' }] }])(
    'of another shape is none: %j',
    (body) => {
      expect(onlyError(driver.response(body))).toMatchObject({
        status: 500,
        message:
          'transformation failed from type llama2://llm/v1/chat: cannot parse response from llama2 endpoint',
      })
    },
  )

  it.each([
    ['unauthorized.json', 401, 'Model requires a Pro subscription.'],
    ['bad_request.json', 400, 'some error'],
  ])('keeps the status and message of an error: %s', (file, status, message) => {
    const body = fixtureObject(`kong/llama2/raw/responses/${file}`)
    expect(raw.error(status, body)).toMatchObject({ status, message })
    expect(onlyError(driver.response(body)).message).toBe(message)
  })
})

describe('a raw stream of Llama', () => {
  it('is its tokens, without the marks and the white space before the first', () => {
    expect(driver.stream(frames(EVENTS)).calls).toEqual([
      ['start', {}],
      ['text', 0, 'It'],
      ['text', 0, ' is'],
      ['text', 0, ' fine. '],
      ['finish', 0, 'stop'],
      ['usage', { prompt_tokens: 9, completion_tokens: 4, total_tokens: 13 }],
      ['done'],
    ])
  })

  it('is the same as unstreamed', () => {
    const { choices } = driver.answered({ generated_text: '\n It is fine. ', details: DETAILS })
    expect(driver.accumulated(frames(EVENTS)).choices).toEqual(choices)
  })

  it('of a server that sends its text at once is that text, once', () => {
    const sink = driver.stream(frames([{ generated_text: ' Yes.', details: DETAILS }]))
    expect(sink.of('text')).toEqual([[0, 'Yes.']])
  })

  it.each(['llm/v1/chat', 'llm/v1/completions'] as const)(
    "becomes OpenAI's, however its bytes were cut: %s",
    (route) => {
      const bytes = Buffer.from(sse(EVENTS, false).toString().replaceAll('data: ', 'data:'))
      const client = (cut: Uint8Array[]) => {
        const answer = createAnswer({
          driver: raw,
          route,
          native: false,
          stream: true,
          contentType: 'text/event-stream',
          model: 'llama2',
          includeUsage: true,
        })
        return eventsOf(through(answer, cut)).map((event) => event.replaceAll(/"(?:id|created)":[^,]+/g, ''))
      }
      const expected = client([bytes])
      expect(expected.at(-1)).toBe('[DONE]')
      expect(expected.join('')).toContain(' fine. ')
      for (const cut of [byteByByte(bytes), ...everyCut(bytes)]) expect(client(cut)).toEqual(expected)
    },
  )

  it('that a server answers whole is a stream all the same', () => {
    const answer = createAnswer({
      driver: raw,
      route: 'llm/v1/chat',
      native: false,
      stream: true,
      contentType: 'application/json',
      model: 'llama2',
      includeUsage: false,
    })
    const view = readAsClient(through(answer, [Buffer.from('[{"generated_text":"Yes."}]')]))
    expect(view.done).toBe(true)
    expect(view.whole.choices).toMatchObject([{ message: { content: 'Yes.' }, finish_reason: 'stop' }])
  })

  it('cut off anywhere is an error', () => {
    for (let n = 0; n < EVENTS.length; n++) {
      expect(onlyError(driver.stream(frames(EVENTS.slice(0, n))))).toMatchObject({
        code: 'incomplete_answer',
      })
    }
  })

  it('that breaks off says why, and nothing more', () => {
    const error = { error: 'Model is overloaded', error_type: 'overloaded' }
    expect(onlyError(driver.stream(frames([EVENTS[1]!, error, ...EVENTS])))).toMatchObject({
      message: 'Model is overloaded',
    })
  })

  it('passes over events that nobody knows, and ends where one is none', () => {
    expect(driver.unknownFrames(frames([{ hello: 1 }]))).toBe(1)
    expect(onlyError(driver.stream([{ event: '', data: '{"token":' }]))).toMatchObject({
      code: 'frame_corrupt',
    })
  })
})
