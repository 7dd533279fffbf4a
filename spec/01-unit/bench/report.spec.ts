import { describe, expect, it } from 'vitest'
import type { Sample } from '../../../bench/measure.js'
import { report } from '../../../bench/report.js'
import { scenarios } from '../../../bench/scenarios.js'

function sample(round: number, cpuSeconds: number): Sample {
  return { round, cpuSeconds, grownBytes: 0, firstTokenP50: 0, delayP50: 0, delayP99: 0 }
}

describe('the report of the benchmarks', () => {
  it('compares the targets of one round, and takes the median of the ratios', () => {
    const scenario = { ...scenarios.find(({ id }) => id === 'a')!, requests: 1000 }
    const samples = new Map([
      ['node-pipe' as const, [sample(0, 1), sample(1, 10), sample(2, 2)]],
      ['gateway' as const, [sample(0, 3), sample(1, 10), sample(2, 4)]],
    ])
    const { table } = report([{ scenario, samples }])
    // 3, 1 and 2 times as much: of the medians themselves the ratio would be 2, too, of the means 1.3.
    expect(table).toContain('| 2000 | **2.00** (1.00–3.00; 4000) | ≤ 0.65 |')
  })
})
