import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { CredentialError } from '../../../lib/credentials/error.js'
import { TokenCache, type Expiring } from '../../../lib/credentials/token-cache.js'
import { gate } from '../../support/origin.js'

const MINUTE = 60_000

type Load = (signal: AbortSignal) => Promise<Expiring<string>>

/** A source of tokens `token-1`, `token-2`, ... that are good for `life` milliseconds. */
function source(life = 60 * MINUTE) {
  let count = 0
  return vi.fn<Load>(() => Promise.resolve({ value: `token-${++count}`, expiresAt: Date.now() + life }))
}

const settled = (): Promise<void> => vi.advanceTimersByTimeAsync(0).then(() => undefined)

describe('a token cache', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('loads nothing before somebody asks', async () => {
    const load = source()
    const cache = new TokenCache('it', load)
    expect(load).not.toHaveBeenCalled()
    await cache.get()
    expect(load).toHaveBeenCalledTimes(1)
  })

  it('keeps a token', async () => {
    const load = source()
    const cache = new TokenCache('it', load)
    expect([await cache.get(), await cache.get()]).toEqual(['token-1', 'token-1'])
    expect(load).toHaveBeenCalledTimes(1)
  })

  it('gives at once what nobody has to wait for', async () => {
    const load = source()
    const cache = new TokenCache('it', load)
    expect(cache.now()).toBeUndefined()
    expect(load).not.toHaveBeenCalled()
    await cache.get()
    expect(cache.now()).toBe('token-1')
    vi.setSystemTime(Date.now() + 55 * MINUTE)
    expect([cache.now(), load.mock.calls.length]).toEqual(['token-1', 2])
    await settled()
    expect(cache.now()).toBe('token-2')
    vi.setSystemTime(Date.now() + 60 * MINUTE)
    expect(cache.now()).toBeUndefined()
  })

  it('keeps what does not expire', async () => {
    const load = source(Number.POSITIVE_INFINITY)
    const cache = new TokenCache('it', load)
    await cache.get()
    vi.setSystemTime(Date.now() + 1e12)
    expect(await cache.get()).toBe('token-1')
  })

  it('loads once for all who ask at the same time', async () => {
    const answer = gate<Expiring<string>>()
    const load = vi.fn<Load>(() => answer.promise)
    const cache = new TokenCache('it', load)
    const all = Promise.all([cache.get(), cache.get(), cache.get()])
    answer.open({ value: 'shared', expiresAt: Date.now() + MINUTE })
    expect(await all).toEqual(['shared', 'shared', 'shared'])
    expect(load).toHaveBeenCalledTimes(1)
  })

  it('replaces a token five minutes before its end, while the old one still serves', async () => {
    const load = source()
    const cache = new TokenCache('it', load)
    await cache.get()
    vi.setSystemTime(Date.now() + 55 * MINUTE - 1)
    await cache.get()
    expect(load).toHaveBeenCalledTimes(1)
    vi.setSystemTime(Date.now() + 1)
    expect([await cache.get(), load.mock.calls.length]).toEqual(['token-1', 2])
    await settled()
    expect(await cache.get()).toBe('token-2')
  })

  it('replaces a token of a short life half way, and not at every request', async () => {
    const load = source(4 * MINUTE)
    const cache = new TokenCache('it', load)
    await cache.get()
    vi.setSystemTime(Date.now() + 2 * MINUTE - 1)
    await cache.get()
    expect(load).toHaveBeenCalledTimes(1)
    vi.setSystemTime(Date.now() + 1)
    await cache.get()
    expect(load).toHaveBeenCalledTimes(2)
  })

  it('lets requests wait once the old token has no time left for the way to the provider', async () => {
    const cache = new TokenCache('it', source())
    await cache.get()
    vi.setSystemTime(Date.now() + 60 * MINUTE - 10_000)
    expect(await cache.get()).toBe('token-2')
  })

  it('keeps the old token where a refresh fails, and tries again half a minute later', async () => {
    const load = source()
    const cache = new TokenCache('it', load)
    await cache.get()
    load.mockRejectedValueOnce(new Error('down'))
    vi.setSystemTime(Date.now() + 56 * MINUTE)
    expect(await cache.get()).toBe('token-1')
    await settled()
    vi.setSystemTime(Date.now() + 29_999)
    expect([await cache.get(), load.mock.calls.length]).toEqual(['token-1', 2])
    vi.setSystemTime(Date.now() + 1)
    expect([await cache.get(), load.mock.calls.length]).toEqual(['token-1', 3])
    await settled()
    expect(await cache.get()).toBe('token-2')
  })

  it('fails once the old token is over and the new one cannot be had, and recovers', async () => {
    const load = source()
    const cache = new TokenCache('it', load)
    await cache.get()
    vi.setSystemTime(Date.now() + 60 * MINUTE)
    load.mockRejectedValueOnce(new CredentialError('down'))
    await expect(cache.get()).rejects.toThrow('down')
    expect(await cache.get()).toBe('token-2')
  })

  it('tells all who wait of one failure, and asks anew for the next', async () => {
    const load = source()
    load.mockRejectedValueOnce(new CredentialError('down'))
    const cache = new TokenCache('it', load)
    const results = await Promise.allSettled([cache.get(), cache.get()])
    expect(results.map((result) => result.status)).toEqual(['rejected', 'rejected'])
    expect(load).toHaveBeenCalledTimes(1)
    expect(await cache.get()).toBe('token-1')
  })

  it('gives up on a load after ten seconds, and tells it to stop', async () => {
    const load = vi.fn<Load>(() => gate<Expiring<string>>().promise)
    const cache = new TokenCache('the token', load)
    const failed = cache.get().catch((error: unknown) => error)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(await failed).toEqual(new CredentialError('the token: no answer within 10 s'))
    expect(load.mock.calls[0]![0].aborted).toBe(true)
  })

  it('leaves no timer behind', async () => {
    const cache = new TokenCache('it', source())
    await cache.get()
    expect(vi.getTimerCount()).toBe(0)
  })

  it("says of other people's errors no more than their kind", async () => {
    const fault = Object.assign(new Error('secret in message', { cause: 'secret in cause' }), {
      code: 'ECONNREFUSED',
    })
    const cache = new TokenCache('the token', () => Promise.reject(fault))
    const error = await cache.get().catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(CredentialError)
    expect(error).toMatchObject({ message: 'the token: ECONNREFUSED' })
    expect(error).not.toHaveProperty('cause')
  })
})
