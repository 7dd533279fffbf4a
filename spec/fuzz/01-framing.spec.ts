import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { FrameFormat } from '../../lib/llm/frames/frame.js'
import { FrameError } from '../../lib/llm/frames/frame.js'
import { frameReaders } from '../../lib/llm/frames/index.js'
import { encodeMessage, Framer, FramingError } from '../../lib/pluginserver/framing.js'
import { seededCuts } from '../support/cuts.js'
import { check, isNoneOr, thrown } from './settings.js'

const FORMATS = Object.keys(frameReaders) as FrameFormat[]

/** Bytes of the kind that formats are made of. */
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc
    .array(
      fc.constantFrom(
        'data:',
        'event:',
        '\n',
        '\r',
        '\r\n',
        ':',
        ' ',
        '{',
        '}',
        '[',
        ']',
        '"',
        '\\',
        ',',
        '1',
        'é',
        '👋',
        '\uFEFF',
        'null',
      ),
    )
    .map((parts) => new Uint8Array(Buffer.from(parts.join('')))),
)

describe('framing', () => {
  it.each(FORMATS)('%s: the frames do not depend on the cuts, whatever the bytes', (format) => {
    const read = (cut: Iterable<Uint8Array>) => {
      const frames: unknown[] = []
      const reader = frameReaders[format]((frame) => frames.push({ ...frame }))
      try {
        for (const piece of cut) reader.push(piece)
        reader.end()
      } catch (error) {
        if (!(error instanceof FrameError)) throw error
        frames.push(error.code)
      }
      return frames
    }
    check(
      fc.property(bytes, fc.nat(), (body, cutSeed) => {
        const expected = read([body])
        for (const cut of seededCuts(body, cutSeed, 3)) expect(read(cut)).toEqual(expected)
      }),
    )
  })

  it('of Kong’s RPC: messages come out as they went in, and anything else is refused', () => {
    const message = fc.array(fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null)), {
      maxLength: 5,
    })
    check(
      fc.property(fc.array(message, { maxLength: 5 }), fc.nat(), (messages, cutSeed) => {
        const wire = Buffer.concat(messages.map((one) => encodeMessage(one)))
        for (const cut of seededCuts(wire, cutSeed, 3)) {
          const framer = new Framer()
          expect(cut.flatMap((piece) => framer.push(Buffer.from(piece)))).toEqual(messages)
        }
      }),
    )
    check(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        expect(thrown(() => new Framer().push(Buffer.from(noise)))).toSatisfy(isNoneOr(FramingError))
      }),
    )
  })
})
