import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bedrock } from '../../../../../lib/llm/drivers/bedrock/index.js'
import type { JsonObject } from '../../../../../lib/llm/json.js'
import { awsEvent } from '../../../../support/aws-event-stream.js'
import { seededCuts } from '../../../../support/cuts.js'
import { DriverHarness, framesOf } from '../../../../support/driver-harness.js'

const driver = new DriverHarness(bedrock, { model: 'amazon.nova-pro-v1:0', options: {}, stream: true })

const text = fc.string({ unit: 'grapheme', minLength: 1 })
/** A block whole, and what its start and its deltas would be. */
interface Block {
  whole: JsonObject
  start?: JsonObject
  deltas: JsonObject[]
}
const block: fc.Arbitrary<Block> = fc.oneof(
  fc.array(text, { minLength: 1 }).map((pieces) => ({
    whole: { text: pieces.join('') },
    deltas: pieces.map((piece) => ({ text: piece })),
  })),
  fc.tuple(fc.array(text), text).map(([pieces, signature]) => ({
    whole: { reasoningContent: { reasoningText: { text: pieces.join(''), signature } } },
    deltas: [...pieces.map((piece) => ({ text: piece })), { signature }].map((reasoningContent) => ({
      reasoningContent,
    })),
  })),
  fc
    .record({ toolUseId: text, name: text, input: fc.dictionary(text, text) })
    .map(({ input, ...toolUse }) => ({
      whole: { toolUse: { ...toolUse, input } },
      start: { toolUse },
      // A call without input has no deltas, or empty ones.
      deltas: (Object.keys(input).length > 0 ? JSON.stringify(input) : '')
        .split(/(?<=[":,])/)
        .map((piece) => ({ toolUse: { input: piece } })),
    })),
)

describe('Bedrock, any answer', () => {
  it('adds up, streamed in any pieces and cut anywhere, to the same as unstreamed', () => {
    fc.assert(
      fc.property(fc.array(block, { maxLength: 5 }), fc.nat(), fc.boolean(), (blocks, seed, usageFirst) => {
        const usage = { inputTokens: 1, outputTokens: 2, totalTokens: 3 }
        const stopReason = 'end_turn'
        const content = blocks.map(({ whole }) => whole)
        const expected = driver.answered({ output: { message: { content } }, stopReason, usage })
        const last = [awsEvent('messageStop', { stopReason }), awsEvent('metadata', { usage })]
        const body = Buffer.concat([
          awsEvent('messageStart', { role: 'assistant' }),
          ...blocks.flatMap(({ start, deltas }, contentBlockIndex) => [
            ...(start ? [awsEvent('contentBlockStart', { contentBlockIndex, start })] : []),
            ...deltas.map((delta) => awsEvent('contentBlockDelta', { contentBlockIndex, delta })),
            awsEvent('contentBlockStop', { contentBlockIndex }),
          ]),
          ...(usageFirst ? last.toReversed() : last),
        ])
        for (const cut of seededCuts(body, seed, 3)) {
          expect(driver.accumulated(framesOf('aws-event-stream', cut))).toEqual(expected)
        }
      }),
    )
  })
})
