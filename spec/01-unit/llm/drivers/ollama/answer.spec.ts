import { describe, expect, it } from 'vitest'
import { createAnswer } from '../../../../../lib/llm/answers/index.js'
import { ollama } from '../../../../../lib/llm/drivers/ollama/index.js'
import type { Frame } from '../../../../../lib/llm/frames/frame.js'
import type { JsonObject } from '../../../../../lib/llm/json.js'
import { byteByByte, everyCut, seededCuts } from '../../../../support/cuts.js'
import { DriverHarness, fixtureObject, framesOf, onlyError } from '../../../../support/driver-harness.js'
import { faultsOfChunk } from '../../../../support/openai-schema.js'
import { readAsClient, through } from '../../../../support/streams.js'

const driver = new DriverHarness(ollama, { model: 'qwen3', options: {}, stream: true })
const AT = { model: 'qwen3:8b', created_at: '2025-07-07T20:22:19.184789Z' }
const COUNTS = { prompt_eval_count: 10, eval_count: 5 }

function line(message: JsonObject, more: JsonObject = {}): JsonObject {
  return { ...AT, message: { role: 'assistant', content: '', ...message }, done: false, ...more }
}
const END = line({}, { done: true, done_reason: 'stop', total_duration: 9, ...COUNTS })
const call = (name: string, args: JsonObject, id?: string) => ({
  ...(id !== undefined && { id }),
  function: { name, arguments: args },
})

const LINES = [
  line({ thinking: 'Let me ' }),
  line({ thinking: 'see — 🌍.' }),
  line({ content: 'It ' }),
  line({ content: 'is\n"fine".' }),
  line({ tool_calls: [call('f', { a: 'ü' }, 'call_1'), call('g', {}, 'call_2')] }),
  END,
]

const ndjson = (lines: JsonObject[]) => Buffer.from(lines.map((item) => `${JSON.stringify(item)}\n`).join(''))
const frames = (lines: JsonObject[]): Frame[] => framesOf('ndjson', [ndjson(lines)])

describe('an answer of Ollama', () => {
  const whole = {
    ...END,
    message: {
      role: 'assistant',
      content: 'It is\n"fine".',
      thinking: 'Let me see — 🌍.',
      tool_calls: [call('f', { a: 'ü' }, 'call_1'), call('g', {}, 'call_2')],
    },
  }

  it('is its text, its thinking and its calls', () => {
    expect(driver.answered(whole)).toMatchObject({
      model: 'qwen3:8b',
      choices: [
        {
          message: {
            content: 'It is\n"fine".',
            reasoning_content: 'Let me see — 🌍.',
            tool_calls: [
              { id: 'call_1', type: 'function', function: { name: 'f', arguments: '{"a":"ü"}' } },
              { id: 'call_2', type: 'function', function: { name: 'g', arguments: '{}' } },
            ],
          },
          finish_reason: 'tool_calls',
        },
      ],
      usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
    })
  })

  it('is the same streamed', () => {
    expect(driver.accumulated(frames(LINES))).toEqual(driver.answered(whole))
  })

  it('has the time of its making', () => {
    expect(driver.response(whole).of('start')).toEqual([[{ model: 'qwen3:8b', created: 1751919739 }]])
  })

  it('gives calls without an id one of their own', () => {
    const sink = driver.stream(frames([line({ tool_calls: [call('f', {}), call('f', {})] }), END]))
    const ids = sink.of('toolStart').map(([, , id]) => id)
    expect(ids).toEqual([expect.stringMatching(/^call_\w+/), expect.stringMatching(/^call_\w+/)])
    expect(new Set(ids).size).toBe(2)
  })

  it.each([
    ['stop', 'stop'],
    ['length', 'length'],
    ['load', 'stop'],
    [undefined, 'stop'],
  ])('ends for %s', (done_reason, expected) => {
    const { done_reason: _, ...last } = END
    const body = done_reason === undefined ? last : { ...last, done_reason }
    expect(driver.response(body).of('finish')).toEqual([[0, expected]])
  })

  it('that the limit cut is no call', () => {
    const body = line({ tool_calls: [call('f', {})] }, { done: true, done_reason: 'length' })
    expect(driver.response(body).of('finish')).toEqual([[0, 'length']])
  })

  it('counts a prompt that was cached as none', () => {
    const { prompt_eval_count: _, ...body } = END
    expect(driver.response(body).of('usage')).toEqual([
      [{ prompt_tokens: 0, completion_tokens: 5, total_tokens: 5 }],
    ])
    expect(driver.response(line({}, { done: true })).of('usage')).toEqual([])
  })

  it('has the probabilities of its tokens', () => {
    const items = [{ token: 'a', logprob: -1, top_logprobs: [{ token: 'a', logprob: -1 }] }, { token: 'b' }]
    const sink = driver.stream(frames([line({ content: 'ab' }, { logprobs: items }), END]))
    expect(sink.of('logprobs')).toEqual([
      [
        0,
        [
          { bytes: null, ...items[0] },
          { bytes: null, top_logprobs: [], token: 'b' },
        ],
      ],
    ])
  })

  it.each(['llama2/ollama', 'mistral/ollama'])("is Kong's own sample: %s", (from) => {
    expect(driver.answered(fixtureObject(`kong/unit/real-responses/${from}/llm-v1-chat.json`))).toMatchObject(
      {
        choices: [
          {
            message: {
              content: 'You cannot divide by zero because it is not a valid operation in mathematics.',
            },
            finish_reason: 'stop',
          },
        ],
        usage: { prompt_tokens: 26, completion_tokens: 100, total_tokens: 126 },
      },
    )
  })

  it('may be of the API of one prompt', () => {
    const body = fixtureObject('kong/unit/real-responses/llama2/ollama/llm-v1-completions.json')
    expect(driver.response(body).of('text')).toEqual([[0, 'Because I said so.']])
    const lines = ['Because ', 'so.'].map((response) => ({ response, done: false }))
    const sink = driver.stream(frames([...lines, { ...AT, response: '', done: true, ...COUNTS }]))
    expect(sink.of('text')).toEqual([
      [0, 'Because '],
      [0, 'so.'],
    ])
  })

  it('of another shape is none', () => {
    expect(onlyError(driver.response({ hello: 1 }))).toMatchObject({
      status: 500,
      message: "transformation failed from type ollama://llm/v1/chat: 'message' not in ollama response",
    })
    expect(onlyError(driver.response({ error: 'no' }))).toMatchObject({ message: 'no' })
  })
})

describe('a stream of Ollama', () => {
  const client = (cut: Uint8Array[]) =>
    through(
      createAnswer({
        driver: ollama,
        route: 'llm/v1/chat',
        native: false,
        stream: true,
        contentType: 'application/x-ndjson',
        model: 'qwen3',
        includeUsage: true,
      }),
      cut,
    )
  const timeless = (bytes: Buffer) => bytes.toString().replaceAll(/"id":"chatcmpl-\w+"/g, '')

  it("becomes OpenAI's, however its bytes were cut", () => {
    const bytes = ndjson(LINES)
    const expected = client([bytes])
    const view = readAsClient(expected)
    expect(view.done).toBe(true)
    for (const item of view.chunks) expect(faultsOfChunk(item)).toEqual([])
    for (const cut of [byteByByte(bytes), ...everyCut(bytes), ...seededCuts(bytes, 5, 20)]) {
      expect(timeless(client(cut))).toBe(timeless(expected))
    }
    const crlf = Buffer.from(bytes.toString().replaceAll('\n', '\r\n'))
    expect(timeless(client([crlf]))).toBe(timeless(expected))
  })

  it('says each line in the call that brings it', () => {
    const all = frames(LINES)
    const whole = driver.stream(all).calls
    all.forEach((_, n) => {
      const { calls } = driver.stream(all.slice(0, n + 1), false)
      expect(calls.length).toBeGreaterThan(n)
      expect(calls).toEqual(whole.slice(0, calls.length))
    })
  })

  it('says the content of its last line, too', () => {
    expect(driver.stream(frames([line({ content: 'a' }, { done: true })])).of('text')).toEqual([[0, 'a']])
  })

  it('cut off anywhere is an error', () => {
    for (let n = 0; n < LINES.length; n++) {
      expect(onlyError(driver.stream(frames(LINES.slice(0, n))))).toMatchObject({
        status: 502,
        code: 'incomplete_answer',
      })
    }
  })

  it('that breaks off says why, and nothing more', () => {
    const sink = driver.stream(frames([LINES[0]!, { error: 'model runner stopped' }, END]))
    expect(onlyError(sink)).toMatchObject({ status: 502, message: 'model runner stopped' })
  })

  it('passes over lines that nobody knows, and counts them', () => {
    const lines = [{ status: 'pulling' }, line({ content: 'a' }), END]
    expect(driver.unknownFrames(frames(lines))).toBe(1)
    expect(driver.stream(frames(lines)).calls.at(-1)).toEqual(['done'])
  })

  it('ends where a line is none', () => {
    expect(onlyError(driver.stream([{ event: '', data: '{"message":' }]))).toMatchObject({
      code: 'frame_corrupt',
    })
  })

  it('keeps the status and message of an error', () => {
    expect(ollama.error(404, { error: "model 'x' not found" })).toMatchObject({
      status: 404,
      message: "model 'x' not found",
      type: 'not_found_error',
    })
  })
})
