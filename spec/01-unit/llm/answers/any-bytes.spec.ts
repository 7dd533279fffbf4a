import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createAnswer } from '../../../../lib/llm/answers/index.js'
import { openai } from '../../../../lib/llm/drivers/openai/index.js'
import { eventsOf, fixtureText, recordedChunks, sse, through } from '../../../support/streams.js'

const TYPES = ['text/event-stream', 'application/json', 'text/html', ''] as const

const options = fc.record({
  route: fc.constantFrom('llm/v1/chat' as const, 'llm/v1/completions' as const),
  native: fc.boolean(),
  stream: fc.boolean(),
  contentType: fc.constantFrom(...TYPES),
  includeUsage: fc.boolean(),
})

const BODIES = [
  sse(recordedChunks('recorded/openai/azure-model-router.1.chunks.txt')),
  Buffer.from(fixtureText('kong/openai/llm-v1-chat/responses/good.json')),
  Buffer.from(fixtureText('kong/openai/llm-v1-completions/responses/good.json')),
]

/** A good body with some bytes changed, some lost and some said twice. */
const damaged = fc
  .record({
    body: fc.constantFrom(...BODIES),
    places: fc.array(
      fc.tuple(fc.nat(5000), fc.constantFrom(0, 0x0a, 0x0d, 0x22, 0x2c, 0x3a, 0x5b, 0x7b, 0x7d, 0xff)),
    ),
    from: fc.nat(5000),
    length: fc.nat(300),
  })
  .map(({ body, places, from, length }) => {
    const bytes = Buffer.from(body)
    for (const [at, byte] of places) if (at < bytes.length) bytes[at] = byte
    return Buffer.concat([bytes.subarray(0, from + length), bytes.subarray(from)])
  })

const anything = fc.oneof(damaged, fc.uint8Array())

describe('an answer of any bytes', () => {
  it('ends done or failed, and never in an exception', () => {
    fc.assert(
      fc.property(options, anything, fc.nat(400), (chosen, bytes, at) => {
        const answer = createAnswer({ driver: openai, model: 'm', ...chosen })
        through(answer, [bytes.subarray(0, at), bytes.subarray(at)])
        expect(answer.state).toBe(answer.error === undefined ? 'done' : 'failed')
        expect(answer.error?.code).not.toBe('translation_failed')
      }),
      { numRuns: 500 },
    )
  })

  it('has one end in its stream, if there is a stream', () => {
    fc.assert(
      fc.property(options, anything, (chosen, bytes) => {
        const answer = createAnswer({ driver: openai, model: 'm', ...chosen, native: false, stream: true })
        const out = through(answer, [bytes])
        const ends = eventsOf(out).filter((event) => event === '[DONE]' || event.startsWith('{"error"'))
        expect(ends).toHaveLength(out.length === 0 ? 0 : 1)
      }),
      { numRuns: 500 },
    )
  })

  it('goes out as it is where it is preserved', () => {
    fc.assert(
      fc.property(fc.constantFrom(...TYPES), fc.array(anything), (contentType, pieces) => {
        const answer = createAnswer({
          driver: openai,
          model: 'm',
          route: 'preserve',
          native: false,
          stream: false,
          contentType,
          includeUsage: false,
        })
        expect(through(answer, pieces)).toEqual(Buffer.concat(pieces))
        expect(answer.state).toBe('done')
      }),
    )
  })
})
