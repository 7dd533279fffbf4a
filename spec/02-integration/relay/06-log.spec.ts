import { describe, expect, it } from 'vitest'
import * as aiProxy from '../../../plugins/ai-proxy/index.js'
import { aiConfig, messages, phases, post } from '../../support/ai-gateway.js'
import { answering, COMPLETION, JSON_TYPE } from '../../support/ai-provider.js'
import { pluginHost } from '../../support/plugin-host.js'
import { until } from '../../support/plugin-server.js'

const filtering = (Name: string, log: string[] = []) =>
  phases(Name, {
    access: (kong) => kong.response.exit(200, 'ok'),
    bodyFilter() {},
    async log(kong) {
      log.push(Name)
      await kong.log.setSerializeValue(`mine.${Name}`, true)
    },
  })

describe('the log phase of a handed-over plugin', () => {
  it('runs once, with Kong’s own entry, to which it adds; the RPC event makes one call', async () => {
    const ran: string[] = []
    const { kong, entry, entries } = await pluginHost([filtering('one', ran)], { logWaitMs: 60_000 })
    const { url, run } = await kong({ one: {} }, { double: { phases: ['access', 'log'] } })
    await fetch(`${url}/page`)
    const { request, calls } = await run()
    expect(await entry(0)).toMatchObject({
      request: { id: request.id, uri: '/page' },
      service: { host: 'localhost' },
      route: { name: 'route' },
      mine: { one: true },
    })
    expect(entries[0]).not.toHaveProperty('kong')
    expect(calls.filter(({ phase }) => phase === 'log').map(({ method }) => method)).toEqual([
      'kong.log.serialize',
    ])
    expect(ran).toEqual(['one'])
  })

  it('carries what ai-proxy says of the answer, under Kong’s keys, and no secret', async () => {
    const upstream = await answering(200, JSON_TYPE, COMPLETION)
    const { kong, entry } = await pluginHost([aiProxy])
    const config = aiConfig(upstream.url, { logging: { log_statistics: true, log_payloads: true } })
    const { url } = await kong({ 'ai-proxy': config })
    await post({ url }, { messages }, { headers: { authorization: 'Bearer of-the-client' } })
    const written = await entry(0)
    expect(written).toMatchObject({
      request: { headers: { authorization: 'REDACTED', 'x-relay-ticket': 'REDACTED' } },
      ai: {
        proxy: {
          meta: { provider_name: 'openai', request_model: 'gpt-4o', request_mode: 'oneshot' },
          usage: { prompt_tokens: 25, completion_tokens: 12, total_tokens: 37 },
          payload: { request: expect.any(String), response: COMPLETION },
        },
      },
    })
    expect(JSON.stringify(written)).not.toMatch(/of-the-client|sk-of-the-provider/)
  })

  it('writes an entry of its own where Kong’s event does not come, and says so', async () => {
    const { kong, entry } = await pluginHost([filtering('one')], { logWaitMs: 20 })
    const { url, run } = await kong({ one: {} }, { double: { phases: ['access'] } })
    await fetch(`${url}/page`)
    expect(await entry(0)).toMatchObject({
      kong: false,
      request: { id: (await run()).request.id, method: 'GET', uri: '/page' },
      response: { status: 200, size: 2 },
      client_ip: '127.0.0.1',
      mine: { one: true },
    })
  })

  it('waits for Kong’s event no longer than it has to: the entry is written when the event comes', async () => {
    const { kong, entries } = await pluginHost([filtering('one')], { logWaitMs: 60_000 })
    const { doubles, url } = await kong({ one: {} })
    const run = doubles[0]!.begin({})
    await doubles[0]!.beforeUpstream(run)
    const [ticket = ''] = run.request.upstream.headers['x-relay-ticket']!
    const { host, port } = run.request.upstream
    await (await fetch(`http://${host}:${port}`, { headers: { 'x-relay-ticket': ticket } })).text()
    expect(entries).toEqual([])
    await doubles[0]!.log(run, 200)
    await until(() => entries.length === 1)
    expect(url).not.toBe('')
  })

  it('counts an event that comes too late, and writes nothing twice', async () => {
    const { kong, entry, entries, host } = await pluginHost([filtering('one')], { logWaitMs: 1 })
    const { doubles } = await kong({ one: {} })
    const run = doubles[0]!.begin({})
    await doubles[0]!.beforeUpstream(run)
    const [ticket = ''] = run.request.upstream.headers['x-relay-ticket']!
    await fetch(`http://${host.relays[0]!.host}:${host.relays[0]!.port}`, {
      headers: { 'x-relay-ticket': ticket },
    })
    await entry(0)
    await doubles[0]!.log(run, 200)
    expect([entries.length, host.counters.strayLogEvents]).toEqual([1, 1])
  })

  it('counts an event of a request that it does not know', async () => {
    const { kong, entries, host } = await pluginHost([filtering('one')])
    const { doubles } = await kong({ one: {} })
    await doubles[0]!.log(doubles[0]!.begin({ headers: { 'x-relay-ticket': 'of another process' } }), 200)
    await doubles[0]!.log(doubles[0]!.begin({}), 200)
    expect([entries, host.counters.strayLogEvents]).toEqual([[], 2])
  })

  it('is one entry for two plugins in one exchange, though Kong has an event for each', async () => {
    const ran: string[] = []
    const { kong, entry, entries, host } = await pluginHost([filtering('one', ran), filtering('two', ran)])
    const { url, run } = await kong({ one: {}, two: {} })
    await fetch(url)
    await run()
    expect(await entry(0)).toMatchObject({ mine: { one: true, two: true } })
    expect([entries.length, ran, host.counters.strayLogEvents]).toEqual([1, ['one', 'two'], 0])
  })

  it('is not lost when the process stops: exchanges end and are written', async () => {
    const { kong, entries, host } = await pluginHost([filtering('one')], { logWaitMs: 60_000 })
    const { url } = await kong({ one: {} }, { double: { phases: ['access'] } })
    await fetch(url)
    await host.close(1000)
    expect(entries).toMatchObject([{ kong: false }])
  })
})
