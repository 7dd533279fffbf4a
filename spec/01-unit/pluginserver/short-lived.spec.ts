import { describe, expect, it } from 'vitest'
import { ShortLived } from '../../../lib/pluginserver/short-lived.js'

describe('ShortLived', () => {
  it('has what was added until it is taken', () => {
    const short = new ShortLived<string, object>()
    const [first, second] = [{ n: 1 }, { n: 2 }]
    short.add('first', first)
    short.add('second', second)
    expect([short.size, short.get('first'), short.values()]).toEqual([2, first, [first, second]])
    expect(short.take('first')).toBe(first)
    expect([short.size, short.get('first'), short.take('first')]).toEqual([1, undefined, undefined])
    expect(short.values()).toEqual([second])
    expect([short.get('constructor'), short.take('third'), short.size]).toEqual([undefined, undefined, 1])
  })

  it('is a Map for all that anybody can see, whatever comes and goes', () => {
    const short = new ShortLived<number, { n: number }>()
    const map = new Map<number, { n: number }>()
    for (let n = 0; n < 5000; n++) {
      // Some stay for long, and at times many are there at once.
      const age = n % 7 === 0 ? 900 : n % 2000 > 1000 ? 300 : 3
      const value = { n: n + age }
      short.add(n, value)
      map.set(n, value)
      for (const [key, { n: end }] of map) {
        if (end > n) continue
        expect(short.take(key)).toBe(map.get(key))
        map.delete(key)
      }
      expect(short.size).toBe(map.size)
    }
    expect(short.values()).toEqual([...map.values()])
    for (const [key, value] of map) expect(short.get(key)).toBe(value)
  })

  it('lets values be taken while they are gone through', () => {
    const short = new ShortLived<number, { n: number }>()
    for (let n = 0; n < 100; n++) short.add(n, { n })
    for (const { n } of short.values()) short.take(n)
    expect([short.size, short.values()]).toEqual([0, []])
  })
})
