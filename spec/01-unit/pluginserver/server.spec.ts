import { createRequire } from 'node:module'
import { expect, it } from 'vitest'

it('loads of kong-pdk nothing but its bridge, and so no TypeScript compiler', async () => {
  await import('../../../lib/pluginserver/server.js')
  const loaded = Object.keys(createRequire(import.meta.url).cache)
  const ofKongPdk = loaded.filter((path) => path.includes('/node_modules/kong-pdk/'))
  expect(ofKongPdk.map((path) => path.replace(/.*\/kong-pdk\//, ''))).toEqual(['pdk.js'])
  expect(loaded.filter((path) => /\/node_modules\/(typescript|ts-node)\//.test(path))).toEqual([])
})
