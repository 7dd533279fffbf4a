import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Breaker } from '../../../plugins/ai-proxy/breaker.js'

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }))
afterEach(() => void vi.useRealTimers())

const after = (ms: number) => vi.advanceTimersByTime(ms)

function failing(breaker: Breaker, times = 1): Breaker {
  for (let i = 0; i < times; i++) {
    breaker.begin()
    breaker.fail()
  }
  return breaker
}

describe('a circuit breaker', () => {
  const make = () => new Breaker({ maxFails: 2, failTimeout: 1000 })

  it('opens after so many failures within the time', () => {
    const breaker = failing(make())
    expect([breaker.state, breaker.allows]).toEqual(['closed', true])
    after(999)
    failing(breaker)
    expect([breaker.state, breaker.allows, breaker.wait]).toEqual(['open', false, 1000])
  })

  it('forgets failures in time, and at a success', () => {
    const breaker = failing(make())
    after(1000)
    failing(breaker)
    expect(breaker.state).toBe('closed')
    breaker.succeed()
    failing(breaker)
    expect(breaker.state).toBe('closed')
  })

  it('lets one probe through when its time is over', () => {
    const breaker = failing(make(), 2)
    after(1000)
    expect([breaker.state, breaker.allows, breaker.wait]).toEqual(['half-open', true, 0])
    breaker.begin()
    expect(breaker.allows).toBe(false)
  })

  it('closes when the probe is good', () => {
    const breaker = failing(make(), 2)
    after(1000)
    breaker.begin()
    breaker.succeed()
    expect([breaker.state, breaker.allows]).toEqual(['closed', true])
    failing(breaker)
    expect(breaker.state).toBe('closed')
  })

  it('opens again when the probe fails, by this one failure', () => {
    const breaker = failing(make(), 2)
    after(5000)
    failing(breaker)
    expect([breaker.state, breaker.wait]).toEqual(['open', 1000])
  })

  it('waits for another probe when the first was abandoned', () => {
    const breaker = failing(make(), 2)
    after(1000)
    breaker.begin()
    breaker.abandon()
    expect([breaker.state, breaker.allows]).toEqual(['half-open', true])
  })

  it('stays open no longer for failures of requests that were under way', () => {
    const breaker = make()
    for (let i = 0; i < 3; i++) breaker.begin()
    breaker.fail()
    breaker.fail()
    after(600)
    breaker.fail()
    expect(breaker.wait).toBe(400)
  })

  it('never opens where no number is set', () => {
    const breaker = failing(new Breaker({ maxFails: 0, failTimeout: 1000 }), 100)
    expect([breaker.state, breaker.allows]).toEqual(['closed', true])
  })
})
