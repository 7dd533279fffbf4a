import { expect, it } from 'vitest'
import { keepAliveTime } from '../../../../lib/runtime/http1/keep-alive.js'

it.each([
  [undefined, 4000],
  ['max=100', 4000],
  ['timeout=soon', 4000],
  ['timeout=5', 3000],
  ['timeout=5, max=100', 3000],
  ['max=100, Timeout = 75', 73_000],
  ['timeout="10"', 8000],
  ['xtimeout=75', 4000],
  ['timeout=2', 0],
  ['timeout=0', 0],
  [`timeout=${'9'.repeat(400)}`, 600_000],
  [['max=5', 'timeout=3'], 1000],
])('a connection is kept two seconds less than the server says: %j', (header, kept) => {
  expect(keepAliveTime(header)).toBe(kept)
})
