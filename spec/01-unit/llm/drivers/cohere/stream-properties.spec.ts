import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cohere } from '../../../../../lib/llm/drivers/cohere/index.js'
import type { JsonObject } from '../../../../../lib/llm/json.js'
import { seededCuts } from '../../../../support/cuts.js'
import { DriverHarness, framesOf } from '../../../../support/driver-harness.js'

const driver = new DriverHarness(cohere, { model: 'command-a', options: {}, stream: true })

const text = fc.string({ unit: 'grapheme', minLength: 1 })
const pieces = fc.array(text, { minLength: 1, maxLength: 5 })
const args = fc.oneof(
  fc.dictionary(text, text).map((value) => JSON.stringify(value)),
  fc.constantFrom('', 'null'),
)
const answer = fc.record({
  plan: fc.option(pieces, { nil: undefined }),
  content: fc.array(fc.record({ type: fc.constantFrom('text', 'thinking'), pieces }), { maxLength: 3 }),
  citations: fc.array(fc.record({ start: fc.nat(), text }), { maxLength: 3 }),
  calls: fc.array(fc.record({ id: text, name: text, args }), { maxLength: 3 }),
})
type Answer = typeof answer extends fc.Arbitrary<infer Value> ? Value : never

const END = { finish_reason: 'COMPLETE', usage: { billed_units: { input_tokens: 1, output_tokens: 2 } } }

function whole({ plan, content, citations, calls }: Answer): JsonObject {
  return {
    message: {
      ...(plan && { tool_plan: plan.join('') }),
      content: content.map((block) => ({ type: block.type, [block.type]: block.pieces.join('') })),
      citations,
      tool_calls: calls.map((call) => ({ id: call.id, function: { name: call.name, arguments: call.args } })),
    },
    ...END,
  }
}

/** The events in which the API would have sent the answer. */
function streamed({ plan, content, citations, calls }: Answer): Buffer {
  const event = (type: string, message: JsonObject, index = 0) => ({ type, index, delta: { message } })
  const events = [
    event('message-start', { role: 'assistant' }),
    ...(plan ?? []).map((piece) => event('tool-plan-delta', { tool_plan: piece })),
    ...content.flatMap(({ type, pieces: said }, index) => [
      event('content-start', { content: { type, [type]: '' } }, index),
      ...said.map((piece) => event('content-delta', { content: { [type]: piece } }, index)),
      event('content-end', {}, index),
    ]),
    ...citations.map((citation, index) => event('citation-start', { citations: citation }, index)),
    ...calls.flatMap(({ id, name, args: said }, index) => [
      event('tool-call-start', { tool_calls: { id, function: { name, arguments: '' } } }, index),
      ...Array.from(said).map((piece) =>
        event('tool-call-delta', { tool_calls: { function: { arguments: piece } } }, index),
      ),
      event('tool-call-end', {}, index),
    ]),
    { type: 'message-end', delta: END },
  ]
  return Buffer.from(events.map((item) => `event: ${item.type}\ndata: ${JSON.stringify(item)}\n\n`).join(''))
}

describe('Cohere, any answer', () => {
  it('adds up, streamed in any pieces and cut anywhere, to the same as unstreamed', () => {
    fc.assert(
      fc.property(answer, fc.nat(), (value, seed) => {
        const expected = driver.answered(whole(value))
        for (const cut of seededCuts(streamed(value), seed, 3)) {
          expect(driver.accumulated(framesOf('sse', cut))).toEqual(expected)
        }
      }),
      { numRuns: 100 },
    )
  })

  it('whatever the bytes of an event, ends without a throw', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string(), fc.json()), { maxLength: 5 }), (list) => {
        const sink = driver.stream(list.map((data) => ({ event: 'content-delta', data })))
        expect(['done', 'error']).toContain(sink.calls.at(-1)?.[0])
      }),
    )
  })
})
