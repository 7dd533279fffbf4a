import { describe, expect, it } from 'vitest'
import type { LiveExchange } from '../../../lib/runtime/exchange.js'
import { logEntry } from '../../../lib/runtime/log-entry.js'

const KONGS =
  '{"request":{"headers":{"cookie":"a=b"},"querystring":{"__proto__":{"x":[1,{"y":null}]}}},"tries":[{"ip":"::1"}]}'

describe('the log entry of an exchange behind a Kong', () => {
  it('is a copy of Kong’s, each time, whatever a client named its arguments', () => {
    const kongEntry = JSON.parse(KONGS) as Record<string, unknown>
    const x = { kongEntry, secrets: new Set(), logValues: new Map([['mine', { value: 1, mode: 'set' }]]) }
    const entries = [1, 2].map(() => logEntry(x as unknown as LiveExchange))
    const written = `${KONGS.replace('a=b', 'REDACTED').slice(0, -1)},"mine":1}`
    expect(entries.map((entry) => JSON.stringify(entry))).toEqual([written, written])
    expect(JSON.stringify(kongEntry)).toBe(KONGS)
    expect(entries[0]!.tries).not.toBe(entries[1]!.tries)
  })
})
