import { afterEach, describe, expect, it, vi } from 'vitest'
import { hold, letGo } from '../../../lib/pdk/held-bytes.js'
import { spareMemory } from '../../../lib/pdk/spare-memory.js'
import { RequestBytes } from '../../../lib/runtime/request-bytes.js'

const KB = 1024
const piece = (size: number, letter: string) => Buffer.allocUnsafeSlow(size).fill(letter)

function read(declared: number, pieces: readonly Buffer[]): RequestBytes {
  const bytes = new RequestBytes(declared)
  for (const one of pieces) bytes.push(one)
  return bytes
}

/** What was set aside for the pieces. */
function reserved(declared: number, pieces: readonly Buffer[]): number[] {
  const spy = vi.spyOn(spareMemory, 'take')
  read(declared, pieces)
  return spy.mock.calls.map(([size]) => size)
}

afterEach(() => vi.restoreAllMocks())

describe("a request's bytes", () => {
  it('are none where none came', () => {
    expect(read(0, []).whole().length).toBe(0)
    expect(read(0, [Buffer.alloc(0)]).whole().length).toBe(0)
  })

  it('are the piece that came where there is one', () => {
    const only = piece(10, 'a')
    expect(read(10, [only]).whole()).toBe(only)
    expect(hold(only)).toBe(false)
  })

  it.each([0, 60, 20, 1000])('are all pieces in their order, if %i bytes are declared', (declared) => {
    const bytes = read(declared, [piece(10, 'a'), Buffer.alloc(0), piece(20, 'b'), piece(30, 'c')])
    expect(bytes.size).toBe(60)
    expect(bytes.whole().toString()).toBe('a'.repeat(10) + 'b'.repeat(20) + 'c'.repeat(30))
  })

  it('leave nothing of their pieces, and are held', () => {
    const pieces = [piece(10, 'a'), piece(20, 'b')]
    const whole = read(30, pieces).whole()
    expect(pieces.map(({ length }) => length)).toEqual([0, 0])
    expect(hold(whole)).toBe(true)
  })

  it('do not touch what a piece shares its memory with', () => {
    const memory = piece(40, 'a')
    const whole = read(40, [memory.subarray(0, 20), memory.subarray(20)]).whole()
    expect(memory.toString()).toBe('a'.repeat(40))
    expect(whole.equals(memory)).toBe(true)
  })

  it('are theirs alone in a memory that has had others', () => {
    const size = 256 * KB
    const first = read(size, [piece(KB, 'a'), piece(size - KB, 'a')]).whole()
    const { buffer } = first
    letGo(first)
    const whole = read(size - KB, [piece(KB, 'b'), piece(size - 2 * KB, 'c')]).whole()
    expect(whole.buffer.byteLength).toBe(size)
    expect([first.length, buffer.byteLength]).toEqual([0, 0])
    expect(whole.toString()).toBe('b'.repeat(KB) + 'c'.repeat(size - 2 * KB))
  })

  it('free their memory where nobody will have them', () => {
    const taken = vi.spyOn(spareMemory, 'take')
    read(1000, [piece(10, 'a'), piece(20, 'b')]).drop()
    read(1000, [piece(10, 'a')]).drop()
    expect(taken.mock.results.map(({ value }) => (value as Buffer).length)).toEqual([0])
  })

  it('get their memory at once where enough has come of what is declared', () => {
    const pieces = Array.from({ length: 16 }, () => piece(64 * KB, 'a'))
    expect(reserved(KB * KB, pieces)).toEqual([KB * KB])
  })

  it('set aside a bounded part of what a client only claims', () => {
    const pieces = [piece(KB, 'a'), piece(KB, 'b')]
    expect(reserved(1024 * KB * KB, pieces)).toEqual([32 * KB])
  })

  it('double their memory where nothing is declared', () => {
    const pieces = Array.from({ length: 5 }, () => piece(KB, 'a'))
    expect(reserved(0, pieces)).toEqual([4 * KB, 10 * KB])
  })
})
