import { describe, expect, it } from 'vitest'
import PDK from 'kong-pdk/pdk.js'
import type { Kong } from '../../../lib/pdk/kong.js'
import { requireFilters } from '../../../lib/pdk/require-filters.js'

describe('requireFilters', () => {
  it('is content where plugins have state, which is where filters run', async () => {
    const kong = { ctx: { plugin: {} } } as unknown as Kong
    expect(await requireFilters(kong)).toBe(true)
  })

  it('exits over kong-pdk’s bridge, with JSON as text', async () => {
    const said: unknown[] = []
    const { kong } = new PDK({
      put: (call: unknown) => void said.push(call),
      get: () => new Promise(() => {}),
    })
    expect(await requireFilters(kong as Kong)).toBe(false)
    expect(said).toEqual([
      {
        Method: 'kong.response.exit',
        Args: [
          500,
          expect.stringContaining('"code":"filters_required"'),
          { 'content-type': 'application/json; charset=utf-8' },
        ],
      },
    ])
  })
})
