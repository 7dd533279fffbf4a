import { describe, expect, it } from 'vitest'
import { shareOf, StreamCounter } from '../../../plugins/ai-proxy/limits.js'

const limits = (max_streams: number, max_streams_total = 0) => ({ max_streams, max_streams_total })

it('counts the streams of each plugin by itself', () => {
  const streams = new StreamCounter()
  expect(streams.take('a', limits(1))).toBeDefined()
  expect(streams.take('a', limits(1))).toBeUndefined()
  expect(streams.take('b', limits(1))).toBeDefined()
})

it('counts the streams of all of them, also of those without limits', () => {
  const streams = new StreamCounter()
  streams.take('a', undefined)
  streams.take('b', limits(0))
  expect(streams.take('c', limits(0, 2))).toBeUndefined()
  expect(streams.take('c', limits(5, 3))).toBeDefined()
})

it('takes a place back once, however often it is given back', () => {
  const streams = new StreamCounter()
  const release = streams.take('a', limits(2))!
  streams.take('a', limits(2))
  release()
  release()
  expect(streams.take('a', limits(2))).toBeDefined()
  expect(streams.take('a', limits(2))).toBeUndefined()
  expect(streams.take('b', limits(0, 3))).toBeDefined()
})

describe('the share of one of several workers', () => {
  it('is the limit divided by their number, at least one, and none where there is no limit', () => {
    const limits = { max_streams: 5, max_streams_total: 100 }
    expect(shareOf(limits, 2)).toEqual({ max_streams: 2, max_streams_total: 50 })
    expect(shareOf(limits, 8)).toEqual({ max_streams: 1, max_streams_total: 12 })
    expect(shareOf({ max_streams: 0, max_streams_total: 1 }, 4)).toEqual({
      max_streams: 0,
      max_streams_total: 1,
    })
  })

  it('is all of it where one process serves alone', () => {
    const limits = { max_streams: 5, max_streams_total: 0 }
    expect([shareOf(limits), shareOf(limits, 1), shareOf(undefined, 3)]).toEqual([limits, limits, undefined])
  })
})
