import { expect, it } from 'vitest'
import { keepAliveTime } from '../../../../lib/runtime/http1/keep-alive.js'

it.each([
  [undefined, 4000],
  ['max=100', 4000],
  ['timeout=soon', 4000],
  ['timeout=5', 4000],
  ['timeout=5, max=100', 4000],
  ['max=100, Timeout = 75', 74_000],
  ['timeout="10"', 9000],
  ['xtimeout=75', 4000],
  ['timeout=1', 0],
  ['timeout=0', 0],
  [`timeout=${'9'.repeat(400)}`, 600_000],
  [['max=5', 'timeout=3'], 2000],
])('a connection is kept a second less than the server says: %j', (header, kept) => {
  expect(keepAliveTime(header)).toBe(kept)
})
