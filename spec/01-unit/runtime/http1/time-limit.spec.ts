import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { TimeLimit } from '../../../../lib/runtime/http1/time-limit.js'

describe('a time limit', () => {
  const expire = vi.fn<() => void>()
  let limit: TimeLimit

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    expire.mockClear()
    limit = new TimeLimit({ expire })
  })
  afterEach(() => {
    vi.restoreAllMocks()
    vi.useRealTimers()
  })

  /** The milliseconds from now on after which it passes. */
  function passesIn(max = 1000): number | undefined {
    for (let ms = 1; ms <= max; ms++) {
      vi.advanceTimersByTime(1)
      if (expire.mock.calls.length > 0) return ms
    }
    return undefined
  }

  it('passes once', () => {
    limit.begin(100)
    expect(passesIn()).toBe(100)
    expire.mockClear()
    expect(passesIn()).toBeUndefined()
  })

  it('begins anew', () => {
    limit.begin(100)
    for (let i = 0; i < 10; i++) {
      vi.advanceTimersByTime(90)
      limit.again()
    }
    expect(passesIn()).toBe(100)
  })

  it('makes room for a longer and for a shorter one', () => {
    limit.begin(100)
    vi.advanceTimersByTime(50)
    limit.begin(200)
    vi.advanceTimersByTime(150)
    limit.begin(10)
    expect(passesIn()).toBe(10)
  })

  it('may be none, and later one again', () => {
    limit.begin(100)
    limit.begin(0)
    limit.again()
    expect(passesIn()).toBeUndefined()
    limit.begin(30)
    expect(passesIn()).toBe(30)
  })

  it('begins anew after it has passed', () => {
    limit.begin(100)
    passesIn()
    expire.mockClear()
    limit.again()
    expect(passesIn()).toBe(100)
  })

  it('stops for good, and leaves no timer', () => {
    limit.begin(100)
    limit.stop()
    expect(vi.getTimerCount()).toBe(0)
    expect(passesIn()).toBeUndefined()
  })

  it('sets no timer as long as one goes off in time', () => {
    limit.begin(100)
    const set = vi.spyOn(globalThis, 'setTimeout')
    for (let i = 0; i < 50; i++) limit.begin(i % 2 === 0 ? 300 : 200)
    expect(set).not.toHaveBeenCalled()
    expect(passesIn()).toBe(200)
  })
})
