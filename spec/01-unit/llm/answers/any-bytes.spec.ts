import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createAnswer } from '../../../../lib/llm/answers/index.js'
import { openai } from '../../../../lib/llm/drivers/openai/index.js'
import { eventsOf, fixtureText, recordedChunks, sse, through } from '../../../support/streams.js'

const ROUTES = ['llm/v1/chat', 'llm/v1/completions', 'preserve'] as const
const TYPES = ['text/event-stream', 'application/json', 'text/html', ''] as const

const options = fc.record({
  route: fc.constantFrom(...ROUTES),
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

describe('an answer of any bytes', () => {
  it('ends done or failed, never by an exception, and its output is whole', () => {
    fc.assert(
      fc.property(options, fc.oneof(damaged, fc.uint8Array()), fc.nat(400), (chosen, bytes, at) => {
        const answer = createAnswer({ driver: openai, model: 'm', ...chosen })
        const out = through(answer, [bytes.subarray(0, at), bytes.subarray(at)])
        expect(['done', 'failed']).toContain(answer.state)
        expect(answer.error === undefined).toBe(answer.state === 'done')
        expect(answer.error?.code).not.toBe('translation_failed')
        if (chosen.route === 'preserve') {
          expect(out.equals(bytes)).toBe(true)
        } else if (chosen.stream && !chosen.native) {
          const ends = eventsOf(out).filter((event) => event === '[DONE]' || event.startsWith('{"error"'))
          expect(ends).toHaveLength(out.length === 0 ? 0 : 1)
        }
      }),
      { numRuns: 500 },
    )
  })
})
