import { expect, it, vi } from 'vitest'
import { KnownNames } from '../../../lib/pdk/known-names.js'

it('gives the same as what it asks, and asks once', () => {
  const make = vi.fn<(written: string) => string>((written) => written.toLowerCase())
  const names = new KnownNames(make)
  for (let i = 0; i < 3; i++)
    for (const name of ['A', 'a', 'X-Long-Header-Name']) expect(names.get(name)).toBe(name.toLowerCase())
  expect(make).toHaveBeenCalledTimes(3)
})

it('takes no name for another one', () => {
  const names = new KnownNames((written) => written.toLowerCase())
  // The low byte of the first is the second.
  expect(['X-\u0141', 'X-A', 'X-\u0141'].map((name) => names.get(name))).toEqual([
    'x-\u0142',
    'x-a',
    'x-\u0142',
  ])
})

it('keeps no long names, nor any number of them, and knows them nevertheless', () => {
  const make = vi.fn<(written: string) => string>((written) => written.toLowerCase())
  const names = new KnownNames(make)
  const long = 'X'.repeat(51)
  for (let i = 0; i < 2; i++) expect(names.get(long)).toBe('x'.repeat(51))
  for (let i = 0; i < 2000; i++) names.get(`X-${i}`)
  make.mockClear()
  expect(names.get('X-1999')).toBe('x-1999')
  expect(names.get('X-1')).toBe('x-1')
  expect(make).toHaveBeenCalledTimes(1)
})

it('keeps nothing of a name that is refused', () => {
  const names = new KnownNames(() => {
    throw new Error('no name')
  })
  for (let i = 0; i < 2; i++) expect(() => names.get('a b')).toThrow('no name')
})
