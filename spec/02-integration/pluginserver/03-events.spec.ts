import { encode } from '@msgpack/msgpack'
import { describe, expect, it } from 'vitest'
import type { Kong } from '../../../lib/pdk/kong.js'
import { EXPIRED, FAILED } from '../../../lib/pluginserver/pdk-call.js'
import { collectGarbage } from '../../support/garbage-collection.js'
import type { RpcPeer } from '../../support/kong-double-rpc.js'
import { hosted, startInstance, testServer, until, type TestServer } from '../../support/plugin-server.js'

/** Its access does what its header says; it can be let go when it hangs. */
function plugin(): { go: () => void; hosted: ReturnType<typeof hosted> } {
  const held: (() => void)[] = []
  const hang = () => new Promise<void>((resolve) => held.push(resolve))
  class Example {
    async access(kong: Kong) {
      const what = await kong.request.getHeader('x-what')
      if (what === 'hang') await hang()
      if (what === 'exit') await kong.response.exit(200)
    }
    log = hang
  }
  return { go: () => held.splice(0).forEach((resolve) => resolve()), hosted: hosted({ Plugin: Example }) }
}

interface Word {
  EventId: number
  Data: unknown
}

/** Kong's next RPC over this connection, and its answer. */
async function ask(peer: RpcPeer, id: number, method: string, argument: object): Promise<Word> {
  peer.ask(id, method, argument)
  const [type, answered, error, result] = (await peer.next()) as [number, number, unknown, Word]
  expect([type, answered, error]).toEqual([1, id, null])
  return result
}

async function handle(peer: RpcPeer, instance: number, phase = 'access'): Promise<Word> {
  return ask(peer, 2, 'HandleEvent', { InstanceId: instance, EventName: phase })
}

async function errorOf(peer: RpcPeer, method: string, argument: unknown): Promise<unknown> {
  peer.ask(9, method, argument)
  return ((await peer.next()) as unknown[])[2]
}

async function started(
  options?: Parameters<typeof testServer>[1],
): Promise<TestServer & { peer: RpcPeer; instance: number; go: () => void }> {
  const { hosted: example, go } = plugin()
  const server = await testServer(example, options)
  const peer = await server.connect()
  return { ...server, peer, go, instance: await startInstance(peer) }
}

const GET_HEADER = { Method: 'kong.request.get_header', Args: ['x-what'] }

describe('the life of an event', () => {
  it('ends with ret', async () => {
    const { server, peer, instance } = await started()
    const { EventId, Data } = await handle(peer, instance)
    expect([Data, server.events]).toEqual([GET_HEADER, 1])
    expect(await ask(peer, 3, 'Step', { EventId, Data: 'none' })).toEqual({ EventId, Data: 'ret' })
    expect(server.events).toBe(0)
  })

  it('ends with an exit, after which no Step comes', async () => {
    const { server, peer, instance } = await started()
    const { EventId } = await handle(peer, instance)
    expect(await ask(peer, 3, 'Step', { EventId, Data: 'exit' })).toMatchObject({
      Data: { Method: 'kong.response.exit' },
    })
    expect(server.events).toBe(0)
  })

  it('ends when the connection closes on which its answer is owed', async () => {
    const { server, peer, instance, records, go } = await started()
    const { EventId } = await handle(peer, instance)
    peer.ask(3, 'Step', { EventId, Data: 'hang' })
    peer.close()
    await until(() => server.events === 0)
    go()
    expect(records).toEqual([{ plugin: 'example', phase: 'access', roundTrips: 2, outcome: 'abandoned' }])
  })

  it('goes on when a pooled connection closes between two Steps, over another one', async () => {
    const { connect, peer, instance } = await started()
    const { EventId } = await handle(peer, instance)
    peer.close()
    await peer.closed
    const other = await connect()
    expect(await ask(other, 1, 'Step', { EventId, Data: 'none' })).toEqual({ EventId, Data: 'ret' })
  })

  it('ends at its deadline with an answer for the client', async () => {
    const { server, peer, instance, records, go } = await started({ deadlineMs: 250 })
    const { EventId } = await handle(peer, instance)
    expect(await ask(peer, 3, 'Step', { EventId, Data: 'hang' })).toEqual({ EventId, Data: EXPIRED })
    expect(server.events).toBe(0)
    go()
    expect(records.map(({ outcome }) => outcome)).toEqual(['expired'])
    expect(EXPIRED.Args).toEqual([
      504,
      '{"message":"The upstream server is timing out"}',
      { 'content-type': 'application/json; charset=utf-8' },
    ])
  })

  it('ends at its deadline with ret in log, where nobody is left to answer', async () => {
    const { peer, instance } = await started({ deadlineMs: 250 })
    expect(await handle(peer, instance, 'log')).toMatchObject({ Data: 'ret' })
  })

  it('ends at its deadline when Kong does not come back, and a later Step starts it anew', async () => {
    const { server, peer, instance } = await started({ deadlineMs: 250 })
    const { EventId } = await handle(peer, instance)
    await until(() => server.events === 0)
    expect(await errorOf(peer, 'Step', { EventId })).toContain('no plugin instance')
  })

  it('ends without an answer when Kong has given up and uses the connection for another one', async () => {
    const { server, peer, instance, go, records, connect } = await started()
    const hanging = await handle(peer, instance)
    peer.ask(3, 'Step', { EventId: hanging.EventId, Data: 'hang' })
    // When an RPC over another connection is over, this one has been read.
    await wholeEvent(await connect(), instance)
    await wholeEvent(peer, instance)
    go()
    await until(() => server.events === 0)
    expect(records.map(({ outcome }) => outcome)).toEqual(['returned', 'abandoned', 'returned'])
    expect(peer.arrived).toEqual([])
  })

  it('never answers later than Kong waits: the connection is closed instead', async () => {
    const { server, peer, instance, go, log } = await started({ kongLimitMs: 300 })
    const { EventId } = await handle(peer, instance)
    peer.ask(3, 'Step', { EventId, Data: 'hang' })
    await new Promise((resolve) => setTimeout(resolve, 350))
    go()
    await expect(peer.next()).rejects.toThrow('connection closed')
    expect(server.events).toBe(0)
    expect(log.some(({ level }) => level === 'warn')).toBe(true)
  })
})

/** An event from its beginning to its end. */
async function wholeEvent(peer: RpcPeer, instance: number): Promise<void> {
  const { EventId } = await ask(peer, 4, 'HandleEvent', { InstanceId: instance, EventName: 'access' })
  expect(await ask(peer, 5, 'Step', { EventId, Data: 'none' })).toEqual({ EventId, Data: 'ret' })
}

describe('what Kong may ask amiss', () => {
  it('unknown ids: Kong is told to start anew', async () => {
    const { peer } = await started()
    for (const [method, argument] of [
      ['HandleEvent', { InstanceId: 0, EventName: 'access' }],
      ['HandleEvent', null],
      ['CloseInstance', 0],
      ['InstanceStatus', 0],
      ['Step', { EventId: 0 }],
      ['StepMultiMap', { EventId: 0, Data: {} }],
      ['StepError', { EventId: 0, Data: 'x' }],
    ] as const) {
      expect(await errorOf(peer, method, argument)).toContain('no plugin instance')
    }
  })

  it('an event that no plugin has: 500 for the client', async () => {
    const { peer, instance } = await started()
    for (const phase of ['certificate', 'constructor', 'header_filter', '', '__proto__']) {
      expect(await handle(peer, instance, phase)).toMatchObject({ Data: FAILED })
    }
  })

  it('methods and plugins that there are not', async () => {
    const { peer } = await started()
    expect(await errorOf(peer, 'Nothing', null)).toBe('method Nothing not implemented')
    expect(await errorOf(peer, 'constructor', null)).toBe('method constructor not implemented')
    expect(await errorOf(peer, 'GetPluginInfo', 'other')).toContain('other')
    expect(await errorOf(peer, 'StartInstance', { Name: 'other', Config: '{}' })).toContain('other')
  })

  it('an error in place of a value is thrown in the plugin, which then fails', async () => {
    const { peer, instance } = await started()
    const { EventId } = await handle(peer, instance)
    expect(await ask(peer, 3, 'StepError', { EventId, Data: 'lua said no' })).toEqual({
      EventId,
      Data: FAILED,
    })
  })

  it('two requests in one read: both are answered', async () => {
    const { peer, instance } = await started()
    const event = { InstanceId: instance, EventName: 'access' }
    const both = [2, 3].map((id) => encode([0, id, 'plugin.HandleEvent', [event]]))
    peer.send(Buffer.concat(both))
    const answers = [await peer.next(), await peer.next()] as [number, number][]
    expect(answers.map(([, id]) => id)).toEqual([2, 3])
  })

  it('half a message: it waits for the rest, or for the end of the connection', async () => {
    const { server, peer, instance, connect } = await started()
    const message = encode([0, 2, 'plugin.HandleEvent', [{ InstanceId: instance, EventName: 'access' }]])
    peer.send(message.subarray(0, 20))
    const other = await connect()
    const { EventId } = await handle(other, instance)
    peer.send(message.subarray(20))
    expect(await peer.next()).toMatchObject({ 0: 1, 1: 2, 2: null })
    other.send(message.subarray(0, 30))
    other.close()
    await other.closed
    expect(await ask(peer, 3, 'Step', { EventId, Data: 'none' })).toEqual({ EventId, Data: 'ret' })
    expect(server.events).toBe(1)
  })

  it('bytes that are no RPC: the connection closes, the others live on', async () => {
    const { connect, peer, instance } = await started()
    const garbage = [
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      Buffer.from([0xc1]),
      encode([1, 2, null, null]),
      encode([0, 'id', 'plugin.GetStatus', []]),
      encode({ method: 'GetStatus' }),
    ]
    for (const bytes of garbage) {
      const other = await connect()
      other.send(bytes)
      await other.closed
      expect(other.arrived).toEqual([])
    }
    await wholeEvent(peer, instance)
  })
})

describe('many events', () => {
  it('run at once, 1 000 of them on as many connections', async () => {
    const { kong, records, go } = await started()
    const double = kong({ phases: ['access'] })
    const running = Array.from({ length: 1000 }, (_, i) =>
      double.request({ headers: { 'x-what': i % 2 === 0 ? 'hang' : 'exit' } }),
    )
    await until(() => records.length === 500)
    const letGo = setInterval(go, 5)
    const results = await Promise.all(running)
    clearInterval(letGo)
    expect(results.map(({ from }) => from)).toEqual(
      Array.from({ length: 1000 }, (_, i) => (i % 2 === 0 ? 'service' : 'exit')),
    )
    expect(results.flatMap(({ errors }) => errors)).toEqual([])
  })

  it('leave nothing behind when connections hang up in any state', async () => {
    const { server, instance, connect, records } = await started({ deadlineMs: 100 })
    const step = (EventId: number) => encode([0, 3, 'plugin.Step', [{ EventId, Data: 'hang' }]])
    const event = encode([0, 2, 'plugin.HandleEvent', [{ InstanceId: instance, EventName: 'access' }]])
    for (let i = 0; i < 600; i++) {
      const peer = await connect()
      const state = i % 6
      if (state === 0) peer.close()
      if (state === 1) peer.send(event.subarray(0, 1 + (i % event.length)))
      if (state >= 2) peer.send(event)
      if (state >= 3) {
        const [, , , { EventId }] = (await peer.next()) as [number, number, null, Word]
        if (state === 4) peer.send(step(EventId).subarray(0, 10))
        if (state === 5) peer.send(step(EventId))
      }
      peer.close()
      await peer.closed
    }
    await until(() => server.events === 0)
    expect(records.every(({ outcome }) => outcome === 'abandoned' || outcome === 'expired')).toBe(true)
  })

  it('take no memory when they are over', async () => {
    const { server, peer, instance } = await started({ onEvent: () => undefined })
    const run = async (events: number) => {
      for (let i = 0; i < events; i++) await wholeEvent(peer, instance)
      await collectGarbage()
      return process.memoryUsage().heapUsed
    }
    const before = await run(1000)
    const after = await run(4000)
    expect(server.events).toBe(0)
    expect((after - before) / 4000).toBeLessThan(300)
  })
})
