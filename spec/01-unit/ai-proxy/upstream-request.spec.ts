import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ClientCall, ProviderCall } from '../../../plugins/ai-proxy/request.js'
import { passes } from '../../../plugins/ai-proxy/upstream-request.js'

const read = { format: {} } as ClientCall
const unread = { format: undefined } as ClientCall
const unchanged = { unchanged: true } as ProviderCall

describe("a client's own bytes", () => {
  it('go out where no checked field can be there twice', () => {
    const piece = fc.constantFrom(
      '"model"',
      '"stream"',
      '"messages"',
      '"max_tokens"',
      '\\u00',
      '\\u01',
      '"',
      'model"',
      '"models"',
      ':',
      'é',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
        const text = pieces.join('')
        const isTwice = (field: string) => text.indexOf(field) !== text.lastIndexOf(field)
        const isAmbiguous =
          text.includes('\\u00') || ['"model"', '"stream"', '"messages"', '"max_tokens"'].some(isTwice)
        expect(passes(read, unchanged, text)).toBe(!isAmbiguous)
      }),
      { numRuns: 2000 },
    )
  })

  it.each(['model', 'stream', 'messages', 'prompt', 'max_tokens', 'max_completion_tokens'])(
    'do not go out with %s in them twice',
    (field) => {
      expect(passes(read, unchanged, `{"${field}":1}`)).toBe(true)
      expect(passes(read, unchanged, `{"${field}":1,"${field}":2}`)).toBe(false)
    },
  )

  it('go out unread where nothing in them is ours to check', () => {
    expect(passes(unread, unchanged, '{"model":1,"model":2}')).toBe(true)
    expect(passes(unread, unchanged, undefined)).toBe(true)
  })

  it('stay here where something is changed, or where they are no JSON', () => {
    expect(passes(read, { unchanged: false } as ProviderCall, '{}')).toBe(false)
    expect(passes(read, unchanged, undefined)).toBe(false)
  })
})
