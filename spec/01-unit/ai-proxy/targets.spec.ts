import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ChatError } from '../../../lib/llm/errors.js'
import type { JsonObject } from '../../../lib/llm/json.js'
import { configSchema } from '../../../lib/schema/schema.js'
import { Attempts, type Step } from '../../../plugins/ai-proxy/attempts.js'
import { refused } from '../../../plugins/ai-proxy/exits.js'
import * as module from '../../../plugins/ai-proxy/index.js'
import type { AiProxyConfig } from '../../../plugins/ai-proxy/schema.js'
import { type Target, Targets } from '../../../plugins/ai-proxy/targets.js'

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }))
afterEach(() => void vi.useRealTimers())

const schema = configSchema(module, 'ai-proxy')
const model = (name: string): JsonObject => ({ provider: 'openai', name })
const minimal = { route_type: 'llm/v1/chat', model: model('a') }

function check(config: JsonObject) {
  return schema.check({ ...minimal, ...config })
}

function targetsOf(config: JsonObject): Targets {
  const checked = check(config)
  expect(checked.faults).toEqual([])
  return new Targets(checked.config as unknown as AiProxyConfig)
}

const three = (balancer: JsonObject = {}) =>
  targetsOf({
    targets: [{ model: model('b') }, { model: model('c') }],
    balancer: { algorithm: 'priority', failover_criteria: ['http_429'], ...balancer },
  })

const nameOf = (target: Target | undefined) => target?.config.model.name
const busy = (retryAfter?: string) =>
  refused(new ChatError(429, 'slow down', retryAfter === undefined ? {} : { retryAfter }))

/** Fails attempt after attempt. @returns the targets, with a star for a pause */
function failing(attempts: Attempts, failures = Array.from({ length: 10 }, () => busy())): string {
  let step: Step | undefined = { target: attempts.first(), pause: 0 }
  let names = ''
  for (const failed of failures) {
    if (!step) break
    names += (step.pause > 0 ? '*' : '') + nameOf(step.target)
    attempts.begin(step.target)
    step = attempts.after(failed, true)
  }
  return names
}

describe('targets', () => {
  it('are model and auth, then the others, each with its own', () => {
    const auth = { header_name: 'x', header_value: 'y' }
    const { all } = targetsOf({ auth, targets: [{ model: model('b'), weight: 7 }] })
    expect(all.map(nameOf)).toEqual(['a', 'b'])
    expect(all.map(({ config }) => config.auth?.header_value)).toEqual(['y', undefined])
    expect(all.map(({ weight }) => weight)).toEqual([100, 7])
  })

  it('are checked like the first', () => {
    const faults = (target: JsonObject, more: JsonObject = {}) =>
      check({ targets: [target], ...more }).faults.map(({ path, message }) => `${path}: ${message}`)
    expect(faults({ model: { provider: 'anthropic' } })).toEqual([
      expect.stringContaining('anthropic_version'),
    ])
    expect(faults({ model: model('b'), auth: { header_name: 'x' } })).toEqual([
      expect.stringContaining("all or none of these fields must be set: 'auth.header_name'"),
    ])
    expect(faults({ model: { ...model('b'), options: { upstream_url: 'nowhere' } } })).toEqual([
      'targets[0].model.options.upstream_url: missing host in url',
    ])
    expect(faults({ model: model('b'), weight: 0 })).toHaveLength(1)
  })

  it('without any are one, with a single attempt', () => {
    expect(failing(new Attempts(targetsOf({}), Infinity))).toBe('a')
  })
})

describe('attempts', () => {
  it('go to every target at once, then round again with pauses, never to the last one twice', () => {
    expect(failing(new Attempts(three(), Infinity))).toBe('abc*a*b*a')
  })

  it('are no more than the retries and the first', () => {
    expect(failing(new Attempts(three({ retries: 1 }), Infinity))).toBe('ab')
  })

  it('do not go where a target asked to be left alone for longer than a pause', () => {
    const failures = [busy('60'), busy(), busy(), busy(), busy()]
    expect(failing(new Attempts(three(), Infinity), failures)).toBe('abc*b*c')
  })

  it('end at what no criterion names', () => {
    const failures = [refused(new ChatError(400, 'no'))]
    expect(failing(new Attempts(three(), Infinity), [...failures, busy()])).toBe('a')
  })

  it('end where a pause would go beyond the deadline', () => {
    expect(failing(new Attempts(three(), performance.now() + 40))).toBe('abc')
  })

  it('are no load on a target any more, however they end', () => {
    const targets = three()
    const [a] = targets.all
    for (const end of [
      (attempts: Attempts) => attempts.succeeded(3),
      (attempts: Attempts) => void attempts.failed(busy(), true),
      (attempts: Attempts) => attempts.abandoned(),
    ]) {
      const attempts = new Attempts(targets, Infinity)
      attempts.begin(attempts.first())
      expect(a?.active).toBe(1)
      end(attempts)
      attempts.abandoned()
      expect(a?.active).toBe(0)
    }
  })

  it.each([
    ['ttft', 40],
    ['e2e', 100],
    ['tpot', 10],
  ])('measure their target as latency_strategy says: %s', (latency_strategy, expected) => {
    const targets = three({ latency_strategy })
    const attempts = new Attempts(targets, Infinity)
    attempts.begin(attempts.first())
    vi.advanceTimersByTime(40)
    attempts.began()
    vi.advanceTimersByTime(60)
    attempts.succeeded(10)
    expect(targets.all[0]?.latency?.value).toBe(expected)
  })

  it('that fail at once make no target look quick', () => {
    const targets = three({ algorithm: 'lowest-latency' })
    const attempts = new Attempts(targets, Infinity)
    for (const latency of [50, 60]) {
      const target = attempts.first()
      attempts.begin(target)
      vi.advanceTimersByTime(latency)
      attempts.began()
      attempts.succeeded(1)
    }
    expect(nameOf(attempts.first())).toBe('c')
    attempts.begin(attempts.first())
    attempts.failed(busy(), true)
    expect(nameOf(attempts.first())).toBe('a')
  })

  it('open the breaker of a target that fails, and pass it by', () => {
    const targets = three({ max_fails: 1, fail_timeout: 1500 })
    const fail = () => {
      const attempts = new Attempts(targets, Infinity)
      attempts.begin(attempts.first())
      attempts.failed(busy(), true)
      return attempts.tried[0]?.model
    }
    expect([fail(), fail(), fail()]).toEqual(['a', 'b', 'c'])
    expect(fail).toThrow(expect.objectContaining({ status: 503, retryAfter: '2' }))
    vi.advanceTimersByTime(1500)
    expect(fail()).toBe('a')
  })

  it('do not count a client that goes away against the target', () => {
    const targets = three({ max_fails: 1 })
    const attempts = new Attempts(targets, Infinity)
    attempts.begin(attempts.first())
    attempts.abandoned()
    expect(targets.all[0]?.breaker.state).toBe('closed')
    expect(attempts.tried[0]?.failure).toBeUndefined()
  })
})
