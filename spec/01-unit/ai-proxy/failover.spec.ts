import { describe, expect, it } from 'vitest'
import { ChatError } from '../../../lib/llm/errors.js'
import { brokenOff, refused, unanswered } from '../../../plugins/ai-proxy/exits.js'
import { asksForNext, backoff, criterionOf, retryAfterMs } from '../../../plugins/ai-proxy/failover.js'
import type { FailoverCriterion } from '../../../plugins/ai-proxy/resilience-schema.js'
import { timedOut } from '../../../plugins/ai-proxy/timers.js'

const failed = (kind: 'connect' | 'closed' | 'timeout' | 'rejected') => {
  const failure = { kind, message: '' }
  return { failure, error: unanswered(failure) }
}

describe('the criterion of a failure', () => {
  it.each([
    ['a connection that is refused', failed('connect'), 'error'],
    ['a connection without an answer', failed('closed'), 'error'],
    ['a request that could not be authorized', failed('rejected'), 'error'],
    ['an answer that breaks off', brokenOff({ kind: 'closed', message: '' }), 'error'],
    ['an answer that falls silent', brokenOff({ kind: 'timeout', message: '' }), 'timeout'],
    ['no token in time', timedOut('first_token'), 'timeout'],
    ['a status', refused(new ChatError(429, 'slow down')), 'http_429'],
    ["Anthropic's overload", refused(new ChatError(529, 'busy')), 'http_503'],
    ['an answer that is none', refused(ChatError.badUpstream('a page')), 'invalid_header'],
  ])('%s', (_, one, criterion) => {
    expect(criterionOf(one)).toBe(criterion)
  })
})

describe('another attempt', () => {
  const asks = (criteria: FailoverCriterion[], one: Parameters<typeof asksForNext>[1], repeatable = true) =>
    asksForNext(criteria, one, repeatable)
  const busy = refused(new ChatError(503, 'busy'))

  it('is made if the criteria name the failure', () => {
    expect(asks(['error'], failed('closed'))).toBe(true)
    expect(asks(['timeout'], failed('closed'))).toBe(false)
    expect(asks(['http_503'], busy)).toBe(true)
    expect(asks(['http_500'], busy)).toBe(false)
  })

  it('of what must not be done twice only if it was not done, or under non_idempotent', () => {
    expect(asks(['error'], failed('connect'), false)).toBe(true)
    expect(asks(['http_503'], busy, false)).toBe(true)
    expect(asks(['error'], failed('closed'), false)).toBe(false)
    expect(asks(['timeout'], failed('timeout'), false)).toBe(false)
    expect(asks(['timeout', 'non_idempotent'], failed('timeout'), false)).toBe(true)
  })
})

describe('the pause before an attempt', () => {
  it('doubles from 100 ms up to 2 s', () => {
    expect([0, 1, 2, 3, 4, 5, 50].map((place) => backoff(place, () => 1))).toEqual([
      100, 200, 400, 800, 1600, 2000, 2000,
    ])
  })

  it('has jitter between its half and the whole', () => {
    expect([0, 0.5, 1].map((random) => backoff(1, () => random))).toEqual([100, 150, 200])
  })
})

describe('retry-after', () => {
  it.each([
    ['2', 2000],
    [' 0.5 ', 500],
    ['0', 0],
    ['Thu, 01 Jan 1970 00:00:09 GMT', 4000],
    ['Thu, 01 Jan 1970 00:00:01 GMT', 0],
    ['soon', 0],
    ['-1', 0],
    [undefined, 0],
  ])('%s', (value, ms) => {
    expect(retryAfterMs(value, 5000)).toBe(ms)
  })
})
