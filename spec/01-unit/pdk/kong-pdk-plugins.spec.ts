import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { createKong, type Kong } from '../../../lib/pdk/kong.js'
import { loadPlugin } from '../../../lib/runtime/loader.js'
import { type FakeExchange, fakeExchange, fakeScope, headers } from './fake-exchange.js'

type Phases = Record<'access' | 'response', (kong: Kong) => Promise<void>>

async function plugin(name: string): Promise<Phases> {
  const file = fileURLToPath(new URL(`../../fixtures/plugins/${name}`, import.meta.url))
  const { module } = await loadPlugin(file, fakeScope().host.logger)
  const Plugin = module.Plugin as new (config: object) => Phases
  return new Plugin({})
}

async function access(name: string, x: FakeExchange = fakeExchange('access')): Promise<FakeExchange> {
  await (await plugin(name)).access(createKong(x, fakeScope()))
  return x
}

describe('a plugin written for kong-pdk runs as it is', () => {
  it('greets: headers, in parallel', async () => {
    const x = await access('greet.js')
    expect(x.response.headers).toEqual({
      'x-greeting': 'welcome, api.test:8000',
      'x-pid': String(process.pid),
    })
  })

  it('says farewell: nothing awaited', async () => {
    expect((await access('farewell')).response.headers).toEqual({ 'x-farewell': 'so long' })
  })

  it('keeps the gate: exits and goes on', async () => {
    const shut = await access('gate.js')
    expect(shut.exits).toMatchObject([{ status: 403, body: undefined }])
    expect(shut.response.headers).toEqual({})
    const open = fakeExchange('access', { request: { headers: headers({ 'badge-number': '7' }) } })
    await access('gate.js', open)
    expect(open.exits).toEqual([])
    expect(open.response.headers).toEqual({ 'x-badge': '7' })
  })

  it('shouts: bodies as text, both ways', async () => {
    const x = await access('shout.js', fakeExchange('access', { body: 'grow, please' }))
    expect(x.upstream).toMatchObject({ rawQuery: 'loud=yes', body: 'GROW, PLEASE' })
    x.phase = 'response'
    x.serviceResponse = { status: 200, headers: headers({}), body: Buffer.from('hush') }
    await (await plugin('shout.js')).response(createKong(x, fakeScope()))
    expect(x.exits).toMatchObject([{ status: 200, body: 'They say: hush!' }])
  })

  it('greets in TypeScript', async () => {
    expect((await access('greet-typed.ts')).response.headers).toEqual({ 'x-greeting': '~ welcome ~' })
  })
})
