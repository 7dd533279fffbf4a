import { afterEach, describe, expect, it, vi } from 'vitest'
import { SpareMemory } from '../../../lib/pdk/spare-memory.js'

const KB = 1024
const MB = 1024 * KB

/** A memory that was given, with what is in it. */
function given(spare: SpareMemory, size: number, letter: string): Buffer {
  const bytes = spare.take(size).fill(letter)
  spare.give(bytes.buffer)
  return bytes
}

/** Whether it is one that was there before. */
function isSpare(spare: SpareMemory, size: number): boolean {
  const made = vi.spyOn(Buffer, 'allocUnsafeSlow')
  spare.take(size)
  const { length } = made.mock.calls
  made.mockRestore()
  return length === 0
}

afterEach(() => vi.useRealTimers())

describe('spare memory', () => {
  it('is taken again, the last one first', () => {
    const spare = new SpareMemory()
    const [a, b] = [spare.take(MB).fill('a'), spare.take(MB).fill('b')]
    spare.give(a.buffer)
    spare.give(b.buffer)
    expect(spare.take(MB).toString()).toBe('b'.repeat(MB))
    expect(spare.take(MB).toString()).toBe('a'.repeat(MB))
    expect(isSpare(spare, MB)).toBe(false)
  })

  it('is nothing to those who had it', () => {
    const spare = new SpareMemory()
    const had = spare.take(MB).fill('a')
    const { buffer } = had
    const view = had.subarray(100, 200)
    spare.give(buffer)
    spare.take(MB).fill('b')
    expect([buffer.byteLength, had.length, view.length]).toEqual([0, 0, 0])
    expect(view.toString()).toBe('')
  })

  it('is for bodies that differ by a little', () => {
    const spare = new SpareMemory()
    given(spare, MB - 10, 'a')
    expect(isSpare(spare, MB)).toBe(true)
  })

  it('is never too small, nor much too large', () => {
    const spare = new SpareMemory()
    given(spare, MB, 'a')
    expect(isSpare(spare, MB + 1)).toBe(false)
    expect(isSpare(spare, MB / 2 - 1)).toBe(false)
    expect(isSpare(spare, MB / 2)).toBe(true)
  })

  it('is not what is small, and soon there again', () => {
    const spare = new SpareMemory()
    expect(spare.take(100).length).toBe(100)
    expect(given(spare, 100 * KB, 'a').length).toBe(0)
    expect(isSpare(spare, 100 * KB)).toBe(false)
  })

  it('is bounded', () => {
    const spare = new SpareMemory()
    const taken = Array.from({ length: 20 }, () => spare.take(MB))
    for (const { buffer } of taken) spare.give(buffer)
    expect(taken.every(({ length }) => length === 0)).toBe(true)
    expect(taken.filter(() => isSpare(spare, MB))).toHaveLength(16)
  })

  it('goes when nobody needs it for long', () => {
    vi.useFakeTimers()
    const spare = new SpareMemory()
    const taken = [spare.take(MB), spare.take(MB)]
    for (const { buffer } of taken) spare.give(buffer)
    vi.advanceTimersByTime(19_000)
    given(spare, MB, 'needed')
    vi.advanceTimersByTime(2000)
    expect(isSpare(spare, MB)).toBe(true)
    expect(isSpare(spare, MB)).toBe(false)
    given(spare, MB, 'a')
    vi.advanceTimersByTime(21_000)
    expect(isSpare(spare, MB)).toBe(false)
    expect(vi.getTimerCount()).toBe(0)
  })
})
