import { describe, expect, it } from 'vitest'
import { Buckets } from '../../../../lib/runtime/telemetry/buckets.js'
import { Flow, Gaps } from '../../../../lib/runtime/telemetry/flow.js'

describe('what flows through an exchange', () => {
  it('has its first token with the first read that made output', () => {
    const flow = new Flow()
    flow.read(10, 11, 100, false)
    flow.read(20, 22, 50, true)
    flow.read(30, 31, 50, true)
    expect(flow).toMatchObject({
      reads: 3,
      bytesIn: 200,
      firstToken: 20,
      firstOutput: 22,
      lastOutput: 31,
      lastRead: 30,
    })
  })

  it('keeps the gaps between reads only where somebody looks', () => {
    const watched = new Flow()
    watched.gaps = new Gaps()
    for (const arrived of [10, 30, 35]) watched.read(arrived, arrived, 1, true)
    expect(watched.gaps.list()).toEqual([20, 5])
    const unwatched = new Flow()
    for (const arrived of [10, 30]) unwatched.read(arrived, arrived, 1, true)
    expect(unwatched.gaps).toBeUndefined()
  })
})

describe('gaps', () => {
  it('are the last sixty, the oldest first', () => {
    const gaps = new Gaps()
    for (let i = 0; i < 100; i++) gaps.add(i)
    expect(gaps.list()).toEqual(Array.from({ length: 60 }, (_, i) => i + 40))
  })
})

describe('buckets', () => {
  it('count a value at the first bound that it does not pass', () => {
    const buckets = new Buckets([1, 5])
    for (const value of [0, 1, 1.5, 5, 5.1, Infinity]) buckets.observe(value)
    expect(buckets.counts).toEqual([2, 2, 2])
  })
})
