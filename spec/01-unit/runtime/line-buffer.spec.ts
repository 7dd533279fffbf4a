import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LineBuffer } from '../../../lib/runtime/line-buffer.js'

const line = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'grapheme', minLength: 30_000, maxLength: 60_000 }),
)

describe('lines that wait', () => {
  it('come out as they went in, whatever their size, and count what they take', () => {
    const batches = fc.array(fc.array(line, { maxLength: 4 }), { maxLength: 4 })
    const check = (given: string[][]) => {
      const lines = new LineBuffer()
      for (const batch of given) {
        const sizes = batch.map((text) => lines.add(text))
        expect([lines.count, lines.size]).toEqual([batch.length, sizes.reduce((sum, size) => sum + size, 0)])
        const taken = lines.take()
        expect(taken.toString()).toBe(batch.map((text) => `${text}\n`).join(''))
        expect([lines.count, lines.size]).toEqual([0, 0])
        lines.reuse(taken)
      }
    }
    fc.assert(fc.property(batches, check), { numRuns: 50 })
  })

  it('do not touch those that were taken until they are given back', () => {
    const lines = new LineBuffer()
    lines.add('first')
    const first = lines.take()
    lines.add('second')
    const second = lines.take()
    lines.reuse(first)
    lines.add('third')
    expect(second.toString()).toBe('second\n')
    expect(lines.take().toString()).toBe('third\n')
  })
})
