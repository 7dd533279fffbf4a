import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ollama } from '../../../../../lib/llm/drivers/ollama/index.js'
import type { JsonObject } from '../../../../../lib/llm/json.js'
import { seededCuts } from '../../../../support/cuts.js'
import { DriverHarness, framesOf } from '../../../../support/driver-harness.js'

const driver = new DriverHarness(ollama, { model: 'qwen3', options: {}, stream: true })

const text = fc.string({ unit: 'grapheme', minLength: 1 })
const pieces = fc.array(text, { maxLength: 5 })
const answer = fc.record({
  thinking: pieces,
  content: pieces,
  calls: fc.array(fc.record({ id: text, name: text, args: fc.dictionary(text, text) }), { maxLength: 3 }),
  end: fc.record({ done_reason: fc.constantFrom('stop', 'length'), eval_count: fc.nat() }),
})
type Answer = typeof answer extends fc.Arbitrary<infer Value> ? Value : never

const callOf = ({ id, name, args }: Answer['calls'][number]) => ({ id, function: { name, arguments: args } })

function whole({ thinking, content, calls, end }: Answer): JsonObject {
  const message = { thinking: thinking.join(''), content: content.join(''), tool_calls: calls.map(callOf) }
  return { model: 'qwen3', message, done: true, ...end }
}

/** The lines in which the server would have sent the answer. */
function streamed({ thinking, content, calls, end }: Answer): Buffer {
  const line = (message: JsonObject, more: JsonObject = { done: false }) =>
    `${JSON.stringify({ model: 'qwen3', message: { role: 'assistant', content: '', ...message }, ...more })}\n`
  const lines = [
    ...thinking.map((piece) => line({ thinking: piece })),
    ...content.map((piece) => line({ content: piece })),
    ...calls.map((call) => line({ tool_calls: [callOf(call)] })),
    line({}, { done: true, ...end }),
  ]
  return Buffer.from(lines.join(''))
}

describe('Ollama, any answer', () => {
  it('adds up, streamed in any pieces and cut anywhere, to the same as unstreamed', () => {
    fc.assert(
      fc.property(answer, fc.nat(), (value, seed) => {
        const expected = driver.answered(whole(value))
        for (const cut of seededCuts(streamed(value), seed, 3)) {
          expect(driver.accumulated(framesOf('ndjson', cut))).toEqual(expected)
        }
      }),
      { numRuns: 100 },
    )
  })

  it('whatever the text of a line, ends without a throw', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string(), fc.json()), { maxLength: 5 }), (list) => {
        const sink = driver.stream(list.map((data) => ({ event: '', data })))
        expect(['done', 'error']).toContain(sink.calls.at(-1)?.[0])
      }),
    )
  })
})
