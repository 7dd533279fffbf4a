import { describe, expect, it } from 'vitest'
import { type Algorithm, balancers, measured, type Peer } from '../../../plugins/ai-proxy/balancer.js'

interface Named extends Peer {
  name: string
}

const peer = (name: string, weight = 100): Named => ({
  name,
  key: name,
  weight,
  active: 0,
  latency: undefined,
  credit: 0,
})

function choices(algorithm: Algorithm, peers: Named[], times: number, now = 0): string {
  return Array.from({ length: times }, () => balancers[algorithm](peers, now).name).join('')
}

describe('round-robin', () => {
  it('takes turns, in the order of the config', () => {
    expect(choices('round-robin', [peer('a'), peer('b'), peer('c')], 6)).toBe('abcabc')
  })

  it('shares out by weight, and evenly in between', () => {
    expect(choices('round-robin', [peer('a', 5), peer('b', 1), peer('c', 1)], 7)).toBe('aabacaa')
  })

  it('goes on in the same shares when one was away for a while', () => {
    const [a, b] = [peer('a'), peer('b')]
    expect(choices('round-robin', [a], 10)).toBe('aaaaaaaaaa')
    expect(choices('round-robin', [a, b], 4)).toBe('abab')
  })
})

describe('least-connections', () => {
  it('counts the answers under way against the weight', () => {
    const [a, b] = [peer('a', 100), peer('b', 300)]
    a.active = 1
    b.active = 4
    expect(choices('least-connections', [a, b], 1)).toBe('b')
    b.active = 6
    expect(choices('least-connections', [a, b], 1)).toBe('a')
  })
})

describe('lowest-latency', () => {
  it('measures everyone before it compares', () => {
    const [a, b] = [peer('a'), peer('b')]
    measured(a, 1, 0)
    expect(choices('lowest-latency', [a, b], 1)).toBe('b')
    b.active = 1
    expect(choices('lowest-latency', [a, b, peer('c')], 1)).toBe('c')
  })

  it('takes the quicker one, weights considered', () => {
    const [a, b] = [peer('a'), peer('b')]
    measured(a, 300, 0)
    measured(b, 200, 0)
    expect(choices('lowest-latency', [a, b], 2)).toBe('bb')
    expect(choices('lowest-latency', [{ ...a, weight: 200 }, b], 1)).toBe('a')
  })

  it('follows a latency that changes, and no single one', () => {
    const a = peer('a')
    measured(a, 100, 0)
    measured(a, 1000, 1)
    expect(a.latency?.value).toBeCloseTo(370)
    for (let i = 0; i < 20; i++) measured(a, 1000, 2)
    expect(a.latency?.value).toBeGreaterThan(990)
  })

  it('gives one that was slow another chance in time', () => {
    const [slow, quick] = [peer('slow'), peer('quick')]
    measured(slow, 1000, 0)
    measured(quick, 100, 0)
    expect(choices('lowest-latency', [slow, quick], 1, 1000)).toBe('quick')
    measured(quick, 100, 300_000)
    expect(choices('lowest-latency', [slow, quick], 1, 300_000)).toBe('slow')
  })
})

describe('priority', () => {
  it('takes the highest weight, of equals the first', () => {
    const peers = [peer('a', 1), peer('b', 9), peer('c', 9)]
    expect(choices('priority', peers, 3)).toBe('bbb')
  })
})

describe('consistent-hashing', () => {
  const VALUES = Array.from({ length: 2000 }, (_, i) => `user-${i}`)
  const chosen = (peers: Named[]) =>
    VALUES.map((value) => balancers['consistent-hashing'](peers, 0, value).name)
  const share = (names: string[], name: string) => names.filter((one) => one === name).length / names.length

  it('takes the same one for the same value', () => {
    const peers = [peer('a'), peer('b'), peer('c')]
    expect(chosen(peers)).toEqual(chosen(peers.toReversed()))
  })

  it('shares values out by weight', () => {
    const names = chosen([peer('a', 100), peer('b', 300)])
    expect(share(names, 'b')).toBeGreaterThan(0.7)
    expect(share(names, 'b')).toBeLessThan(0.8)
  })

  it('moves only the values of the one that went away', () => {
    const before = chosen([peer('a'), peer('b'), peer('c')])
    const after = chosen([peer('a'), peer('c')])
    const moved = before.filter((name, i) => name !== after[i])
    expect(new Set(moved)).toEqual(new Set(['b']))
    expect(share(after, 'a')).toBeGreaterThan(0.4)
    expect(share(after, 'c')).toBeGreaterThan(0.4)
  })

  it('takes turns where there is no value', () => {
    expect(choices('consistent-hashing', [peer('a'), peer('b')], 4)).toBe('abab')
  })
})
