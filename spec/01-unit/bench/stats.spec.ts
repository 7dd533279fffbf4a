import { describe, expect, it } from 'vitest'
import { median, percentile, spread } from '../../../bench/stats.js'

describe('the numbers of a benchmark', () => {
  it('are judged by their median', () => {
    expect(median([9, 1, 5])).toBe(5)
    expect(median([4, 1, 2, 3])).toBe(2.5)
    expect(median([])).toBeNaN()
  })

  it('have percentiles that are among them', () => {
    const hundred = Array.from({ length: 100 }, (_, i) => 100 - i)
    expect(percentile(hundred, 0.5)).toBe(50)
    expect(percentile(hundred, 0.99)).toBe(99)
    expect(percentile([7], 0.99)).toBe(7)
    expect(percentile([], 0.5)).toBeNaN()
  })

  it('come with their range', () => {
    expect(spread([2, 9, 4])).toEqual({ median: 4, min: 2, max: 9 })
  })
})
