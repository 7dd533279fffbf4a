import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { gemini } from '../../../../../lib/llm/drivers/gemini/index.js'
import type { JsonObject } from '../../../../../lib/llm/json.js'
import { seededCuts } from '../../../../support/cuts.js'
import { DriverHarness, framesOf } from '../../../../support/driver-harness.js'

const driver = new DriverHarness(gemini, { model: 'gemini-2.5-flash', options: {}, stream: true })

const text = fc.string({ unit: 'grapheme', minLength: 1 })
const part: fc.Arbitrary<JsonObject> = fc.oneof(
  fc.record({ text }),
  fc.record({ text, thought: fc.constant(true) }),
  fc.record({
    functionCall: fc.record({ name: text, args: fc.dictionary(text, text) }),
    thoughtSignature: text,
  }),
  fc.record({ inlineData: fc.record({ mimeType: fc.constant('image/png'), data: fc.base64String() }) }),
)
const candidate = fc.record({
  parts: fc.array(part, { maxLength: 6 }),
  finishReason: fc.constantFrom('STOP', 'MAX_TOKENS', 'SAFETY'),
})
const answer = fc.array(candidate, { minLength: 1, maxLength: 3 })

describe('Gemini, any answer', () => {
  it('adds up, streamed in any pieces and cut anywhere, to the same as unstreamed', () => {
    fc.assert(
      fc.property(answer, fc.nat(), fc.constantFrom('sse', 'json-array'), (candidates, seed, format) => {
        const meta = {
          responseId: 'r',
          modelVersion: 'm',
          usageMetadata: { promptTokenCount: 1, totalTokenCount: 1 },
        }
        const whole = {
          ...meta,
          candidates: candidates.map(({ parts, finishReason }, index) => ({
            index,
            content: { parts },
            finishReason,
          })),
        }
        const pieces = candidates.flatMap(({ parts, finishReason }, index) => [
          ...parts.map((one) => ({ ...meta, candidates: [{ index, content: { parts: [one] } }] })),
          { ...meta, candidates: [{ index, finishReason }] },
        ])
        const json = pieces.map((piece) => JSON.stringify(piece))
        const body =
          format === 'sse' ? json.map((line) => `data: ${line}\n\n`).join('') : `[${json.join(',\r\n')}]`
        const expected = driver.answered(whole)
        for (const cut of seededCuts(Buffer.from(body), seed, 3)) {
          expect(driver.accumulated(framesOf(format, cut))).toEqual(expected)
        }
      }),
    )
  })
})
