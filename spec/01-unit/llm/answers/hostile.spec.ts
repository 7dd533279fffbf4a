import { describe, expect, it } from 'vitest'
import { type AnswerOptions, createAnswer } from '../../../../lib/llm/answers/index.js'
import { MAX_BODY_BYTES } from '../../../../lib/llm/answers/intake.js'
import { anthropic } from '../../../../lib/llm/drivers/anthropic/index.js'
import { gemini } from '../../../../lib/llm/drivers/gemini/index.js'
import { openai } from '../../../../lib/llm/drivers/openai/index.js'
import { MAX_FRAME_BYTES } from '../../../../lib/llm/frames/frame.js'
import type { JsonObject } from '../../../../lib/llm/json.js'
import { object, objects, parseObject } from '../../../support/json.js'
import { chunk, eventsOf, readAsClient, through } from '../../../support/streams.js'

function answer(options: Partial<AnswerOptions>) {
  return createAnswer({
    driver: openai,
    route: 'llm/v1/chat',
    native: false,
    stream: false,
    contentType: 'text/event-stream',
    model: 'asked',
    includeUsage: false,
    ...options,
  })
}

/** Of events without an end. */
function streamOf(events: JsonObject[]): Buffer {
  return Buffer.from(events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(''))
}

/** The message of the one answer that the events add up to. */
function collected(driver: AnswerOptions['driver'], events: JsonObject[]): JsonObject {
  const { choices } = parseObject(through(answer({ driver }), [streamOf(events)]).toString())
  return object(objects(choices)[0]!.message)
}

describe('an answer of a provider that means harm', () => {
  it.each([-1, 0.5, 1e9, Infinity])('has no candidate of number %d', (index) => {
    const candidate = { index, content: { parts: [{ text: 'Hi' }] }, finishReason: 'STOP' }
    // JSON has no infinity, but a number that is read as one.
    const event = JSON.stringify({ candidates: [candidate] }).replace('null', '1e999')
    const one = answer({ driver: gemini, stream: true })
    const { whole } = readAsClient(through(one, [Buffer.from(`data: ${event}\n\n`)]))
    expect(whole.choices).toHaveLength(1)
    expect(one.state).toBe('done')
  })

  it('may call a hundred thousand tools, all of which are told apart', () => {
    const calls = Array.from({ length: 100_000 }, (_, index) => ({
      index,
      id: `call_${index}`,
      function: { name: 'f', arguments: `[${index}]` },
    }))
    const message = collected(openai, [chunk({ tool_calls: calls }, 'tool_calls')])
    expect(objects(message.tool_calls)).toHaveLength(calls.length)
    expect(objects(message.tool_calls).at(-1)).toMatchObject({
      id: 'call_99999',
      function: { arguments: '[99999]' },
    })
  })

  it('may cite a hundred thousand sources, all of which are kept', () => {
    const citation = (n: number) => ({ type: 'citations_delta', citation: { n } })
    const message = collected(anthropic, [
      { type: 'message_start', message: {} },
      {
        type: 'content_block_start',
        index: 0,
        content_block: { type: 'text', text: 'Hi', citations: [{ n: 0 }] },
      },
      ...Array.from({ length: 100_000 }, (_, n) => ({
        type: 'content_block_delta',
        index: 0,
        delta: citation(n + 1),
      })),
      { type: 'message_delta', delta: { stop_reason: 'end_turn' } },
      { type: 'message_stop' },
    ])
    expect(objects(message.citations)).toHaveLength(100_001)
    expect(objects(message.citations).at(-1)).toEqual({ n: 100_000 })
  })

  it('is given up when it streams without end to a client that waits for a whole answer', () => {
    const one = answer({})
    const events = streamOf(Array.from({ length: 1000 }, () => chunk({ content: 'x'.repeat(1000) })))
    for (let sent = 0; sent <= MAX_BODY_BYTES && one.state === 'held'; sent += events.length) {
      one.push(events)
    }
    expect(one.error).toMatchObject({ status: 502, code: 'answer_too_large' })
    expect(one.read()).toBeUndefined()
  })

  it('is not held for ever while it says nothing', () => {
    const one = answer({ stream: true, native: true })
    const comments = Buffer.from(`: ${'x'.repeat(1022)}\n\n`.repeat(1024))
    let held = 0
    for (; one.state === 'held'; held += comments.length) one.push(comments)
    expect(held).toBeLessThan(2 * MAX_FRAME_BYTES + 2 * comments.length)
    expect(one.read()).toHaveLength(held)
    one.push(streamOf([chunk({ content: 'Hi' }, 'stop')]))
    one.end()
    expect(one.state).toBe('done')
  })

  it('may stream as long to a client that streams', () => {
    const one = answer({ stream: true })
    const events = streamOf(Array.from({ length: 1000 }, () => chunk({ content: 'x'.repeat(1000) })))
    for (let sent = 0; sent <= MAX_BODY_BYTES; sent += events.length) {
      one.push(events)
      one.read()
    }
    one.push(streamOf([chunk({}, 'stop')]))
    one.end()
    expect(eventsOf(one.read()!).at(-1)).toBe('[DONE]')
  })
})
