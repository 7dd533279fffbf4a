import { describe, expect, it } from 'vitest'
import type { Kong } from '../../../lib/pdk/kong.js'
import type { Plugin, PluginModule } from '../../../lib/pdk/plugin.js'
import { phases } from '../../support/ai-gateway.js'
import { pluginHost } from '../../support/plugin-host.js'

/** A plugin with a filter, which is what makes it one that is handed over. */
function filtering(Name: string, plugin: Plugin = {}, more: Partial<PluginModule> = {}): PluginModule {
  return { ...phases(Name, { bodyFilter() {}, ...plugin }), ...more }
}

const answering = (text: (kong: Kong) => unknown): Plugin => ({
  async access(kong) {
    await kong.response.exit(200, JSON.stringify((await text(kong)) ?? null))
  },
})

const ENTITIES = {
  service: { protocol: 'http', host: 'example.com', port: 80 },
  consumer: { id: 'c-1', username: 'ann' },
  credential: { id: 'k-1', key: 'secret' },
  captures: { named: { model: 'gpt' }, unnamed: { '0': '/gpt/x', '1': 'x' } },
}

describe('a plugin with filters in Kong’s access phase', () => {
  it('sends the request to the relay: one read, three writes, the target first', async () => {
    const { kong, host } = await pluginHost([
      filtering(
        'one',
        answering(() => 'hello'),
      ),
    ])
    const { url, run } = await kong({ one: {} })
    const answer = await fetch(url)
    expect([answer.status, await answer.text()]).toEqual([200, '"hello"'])
    const access = (await run()).calls.filter(({ phase }) => phase === 'access')
    expect(access.map(({ method, args }) => [method].concat(args as string[]))).toEqual([
      ['kong.request.get_header', 'x-relay-ticket'],
      ['kong.service.set_target', '127.0.0.1', host.relays[0]!.port],
      ['kong.service.request.set_scheme', 'http'],
      ['kong.service.request.set_header', 'x-relay-ticket', expect.stringMatching(/^[\w-]{32}$/)],
    ])
    expect(host.counters).toMatchObject({ handedOver: 1, joined: 0, direct: 0 })
  })

  it('takes 5 round trips, and one for each declared read', async () => {
    const reads = ['router.getRoute', 'router.getService', 'request.getUriCaptures', 'client.getConsumer']
    for (let declared = 0; declared <= reads.length; declared++) {
      const module = filtering(
        'one',
        answering(() => 1),
        { HandoverReads: reads.slice(0, declared) },
      )
      const { kong, records } = await pluginHost([module])
      const { url, run } = await kong({ one: {} })
      await fetch(url)
      expect((await run()).roundTrips.access).toBe(5 + declared)
      expect(records).toMatchObject([
        { phase: 'access', roundTrips: 5 + declared, outcome: 'returned' },
        { phase: 'log', roundTrips: 2, outcome: 'returned' },
      ])
    }
  })

  it('reads between the question for a ticket and the target what it declares', async () => {
    const module = filtering(
      'one',
      answering(() => 1),
      {
        HandoverReads: ['router.getService', 'client.getConsumer'],
      },
    )
    const { kong } = await pluginHost([module])
    const { url, run } = await kong({ one: {} })
    await fetch(url)
    expect((await run()).calls.slice(0, 4).map(({ method }) => method)).toEqual([
      'kong.request.get_header',
      'kong.router.get_service',
      'kong.client.get_consumer',
      'kong.service.set_target',
    ])
  })

  it('never takes a body over RPC, nor a header of its size', async () => {
    const { kong } = await pluginHost([
      filtering(
        'one',
        answering((k) => k.request.getRawBody(0).then(String)),
      ),
    ])
    const { url, run } = await kong({ one: {} })
    const body = 'x'.repeat(3_000_000)
    expect(await (await fetch(url, { method: 'POST', body })).json()).toBe(body)
    expect(JSON.stringify((await run()).calls).length).toBeLessThan(5000)
  })

  it('overwrites a header that is no live ticket', async () => {
    const { kong, host } = await pluginHost([
      filtering(
        'one',
        answering(() => 'mine'),
      ),
    ])
    const { url, run } = await kong({ one: {} })
    const answer = await fetch(url, { headers: { 'x-relay-ticket': 'forged' } })
    expect(await answer.text()).toBe('"mine"')
    expect((await run()).roundTrips.access).toBe(5)
    expect(host.counters).toMatchObject({ handedOver: 1, joined: 0, refused: 0 })
  })

  it('answers for itself where Kong is told of a phase that fails before there is a ticket', async () => {
    const module = filtering('one', {}, { HandoverReads: () => ['router.getNothing'] })
    const { kong, log } = await pluginHost([module])
    const { url } = await kong({ one: {} })
    expect((await fetch(url)).status).toBe(500)
    expect(String(log.find(({ message }) => message === 'plugin failed')?.fields.err)).toContain(
      `plugin "one": HandoverReads has 'router.getNothing', expected some of: router.getRoute`,
    )
  })

  it('does not start with a list of reads that there are not', async () => {
    const module = filtering('one', {}, { HandoverReads: ['request.getRawBody'] })
    await expect(pluginHost([module])).rejects.toThrow(
      `plugin "one": HandoverReads has 'request.getRawBody', expected some of`,
    )
  })
})

describe('two plugins with filters on one route', () => {
  const marking = (mark: string): Plugin => ({
    headerFilter(kong) {
      kong.response.setHeader(`x-${mark}`, 'yes')
    },
    bodyFilter(_kong, arg) {
      arg.chunk = Buffer.from(`${arg.chunk.toString()}${mark}`)
    },
  })

  it('chain in one exchange: the second joins for two round trips', async () => {
    const first = filtering('first', {
      ...marking('1'),
      access: (kong) => kong.ctx.shared.set('who', 'first'),
    })
    const second = filtering('second', {
      ...marking('2'),
      ...answering((kong) => kong.ctx.shared.get('who')),
    })
    const { kong, host, entries, entry } = await pluginHost([first, second])
    const { url, run } = await kong({ first: {}, second: {} })
    const answer = await fetch(url)
    expect([answer.headers.get('x-1'), answer.headers.get('x-2')]).toEqual(['yes', 'yes'])
    expect(await answer.text()).toBe('"first"12')
    await entry(0)
    expect((await run()).roundTrips.access).toBe(5 + 2)
    expect(entries).toHaveLength(1)
    expect(host.counters).toMatchObject({ handedOver: 1, joined: 1, strayLogEvents: 0 })
  })

  it('share what either has declared to be read', async () => {
    const first = filtering('first', {}, { HandoverReads: ['client.getConsumer'] })
    const second = filtering(
      'second',
      answering((kong) => kong.client.getConsumer()),
      {
        HandoverReads: ['client.getConsumer', 'router.getService'],
      },
    )
    const { kong } = await pluginHost([first, second])
    const { url, run } = await kong({ first: {}, second: {} }, { client: ENTITIES })
    expect(await (await fetch(url)).json()).toEqual(ENTITIES.consumer)
    const methods = (await run()).calls.map(({ method }) => method)
    expect(methods.filter((method) => method === 'kong.client.get_consumer')).toHaveLength(1)
  })

  it('end together when one exits', async () => {
    const ran: string[] = []
    const first = filtering('first', { access: (kong) => kong.response.exit(418, 'no') })
    const second = filtering('second', { access: () => void ran.push('second') })
    const { kong } = await pluginHost([first, second])
    const { url } = await kong({ first: {}, second: {} })
    expect((await fetch(url)).status).toBe(418)
    expect(ran).toEqual([])
  })
})

describe('what Kong knows of a request, in the relay', () => {
  const READS: Record<string, [(kong: Kong) => unknown, unknown]> = {
    'router.getRoute': [(kong) => kong.router.getRoute(), expect.objectContaining({ name: 'route' })],
    'router.getService': [(kong) => kong.router.getService(), ENTITIES.service],
    'request.getUriCaptures': [
      (kong) => kong.request.getUriCaptures(),
      { named: { model: 'gpt' }, unnamed: ['/gpt/x', 'x'] },
    ],
    'client.getConsumer': [(kong) => kong.client.getConsumer(), ENTITIES.consumer],
    'client.getCredential': [(kong) => kong.client.getCredential(), ENTITIES.credential],
  }

  for (const [name, [call, value]] of Object.entries(READS)) {
    it(`${name} is as Kong said, where the plugin declares it`, async () => {
      const { kong } = await pluginHost([filtering('one', answering(call), { HandoverReads: [name] })])
      const { url } = await kong({ one: {} }, { client: ENTITIES })
      expect(await (await fetch(url)).json()).toEqual(value)
    })

    it(`${name} is an error that names the export, where it does not`, async () => {
      const { kong, log } = await pluginHost([filtering('one', answering(call))])
      const { url } = await kong({ one: {} }, { client: ENTITIES })
      expect((await fetch(url)).status).toBe(500)
      const error = String(log.find(({ level }) => level === 'error')?.fields.err)
      expect(error).toContain(`let the plugin's module export HandoverReads with '${name}'`)
    })
  }

  it('empty captures are empty, though Lua has one empty table only', async () => {
    const [call] = READS['request.getUriCaptures']!
    const module = filtering('one', answering(call), { HandoverReads: ['request.getUriCaptures'] })
    const { kong } = await pluginHost([module])
    expect(await (await fetch((await kong({ one: {} })).url)).json()).toEqual({ named: {}, unnamed: [] })
  })

  it('a list of reads may depend on the config', async () => {
    const module = filtering(
      'one',
      answering(() => 1),
      {
        Schema: [{ wants: { type: 'boolean', default: false } }],
        HandoverReads: ({ wants }: { wants: boolean }) => (wants ? ['router.getRoute'] : []),
      },
    )
    const { kong } = await pluginHost([module])
    for (const wants of [false, true]) {
      const { url, run } = await kong({ one: { wants } })
      await fetch(url)
      expect((await run()).roundTrips.access).toBe(wants ? 6 : 5)
    }
  })

  it('consumer headers that a client sends itself make no consumer', async () => {
    const call = (kong: Kong) => kong.client.getConsumer()
    const module = filtering('one', answering(call), { HandoverReads: ['client.getConsumer'] })
    const { kong } = await pluginHost([module])
    const { url } = await kong({ one: {} })
    const answer = await fetch(url, { headers: { 'x-consumer-id': 'c-9', 'x-consumer-username': 'eve' } })
    expect(await answer.json()).toBeNull()
  })

  it('path, host, scheme, port and address are those of the client’s request to Kong', async () => {
    const call = async (kong: Kong) => ({
      path: await kong.request.getPath(),
      raw: await kong.request.getRawPath(),
      query: await kong.request.getRawQuery(),
      host: await kong.request.getHost(),
      scheme: await kong.request.getScheme(),
      port: await kong.request.getPort(),
      ip: await kong.client.getForwardedIp(),
      id: await kong.nginx.getVar('kong_request_id'),
      headers: Object.keys(await kong.request.getHeaders()).toSorted(),
    })
    const { kong } = await pluginHost([filtering('one', answering(call))])
    const { url, run } = await kong({ one: {} }, { prefix: '/api', double: { routePath: '/api' } })
    const answer = await fetch(`${url}/api/caf%C3%A9/x?a=1&b`, { headers: { 'x-mine': '1' } })
    expect(await answer.json()).toEqual({
      path: '/api/café/x',
      raw: '/api/caf%C3%A9/x',
      query: 'a=1&b',
      host: '127.0.0.1',
      scheme: 'http',
      port: Number(new URL(url).port),
      ip: '127.0.0.1',
      id: (await run()).request.id,
      headers: expect.not.arrayContaining(['x-relay-ticket', 'via', 'x-real-ip', 'x-forwarded-for']),
    })
  })
})
