import { expect, it } from 'vitest'
import { StreamCounter } from '../../../plugins/ai-proxy/limits.js'

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
