import { describe, expect, it } from 'vitest'
import { parseArguments } from '../../../bench/arguments.js'

describe('the command line of the benchmarks', () => {
  it('takes scenarios and targets by name, and always compares with node-pipe', () => {
    const options = parseArguments(['--only', 'c,c1', '--targets', 'gateway', '--rounds', '3'])
    expect(options.scenarios.map(({ id }) => id)).toEqual(['c', 'c1'])
    expect(options.targets).toEqual(['node-pipe', 'gateway'])
    expect(options.rounds).toBe(3)
  })

  it('refuses what there is not', () => {
    expect(() => parseArguments(['--only', 'c,z'])).toThrow("--only: 'z' is none of a, b")
    expect(() => parseArguments(['--targets', 'envoy'])).toThrow("--targets: 'envoy'")
    expect(() => parseArguments(['--rounds', '0'])).toThrow("--rounds: '0'")
  })
})
