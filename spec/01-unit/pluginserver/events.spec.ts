import { decode } from '@msgpack/msgpack'
import { describe, expect, it } from 'vitest'
import type { Plugin } from '../../../lib/pdk/plugin.js'
import { Events, type EventRecord } from '../../../lib/pluginserver/events.js'
import type { Instance } from '../../../lib/pluginserver/instances.js'
import { RpcCall } from '../../../lib/pluginserver/rpc.js'
import { configSchema } from '../../../lib/schema/schema.js'
import { collectGarbage } from '../../support/garbage-collection.js'
import { silentLogger } from '../../support/silent-logger.js'

class Example implements Plugin {
  access(): void {}
}

const module = { Plugin: Example }
const instance: Instance = {
  id: 1,
  name: 'example',
  hosted: { module, schema: configSchema(module, 'example') },
  plugin: new Example(),
  config: {},
  sent: {},
  startTime: 0,
}

interface Word {
  EventId: number
  Data: unknown
}

/** An RPC that can be answered, and abandoned as when its connection closes. */
function rpc(): { call: RpcCall; answered: Promise<Word> } {
  const { promise, resolve } = withResolvers<Word>()
  const write = (_call: RpcCall, bytes: Uint8Array) =>
    resolve((decode(bytes) as [number, number, null, Word])[3])
  return { call: new RpcCall({ write }, 1), answered: promise }
}

function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void
  const promise = new Promise<T>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}

describe('Events', () => {
  it('leaves nothing of 100 000 events behind, however they end', async () => {
    const outcomes = new Map<EventRecord['outcome'], number>()
    const events = new Events({
      deadlineMs: 60_000,
      log: silentLogger,
      onEnd: ({ outcome }) => void outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1),
    })

    /** Ends in one of five ways. */
    async function one(way: number): Promise<void> {
      const { call, answered } = rpc()
      events.start(instance, 'access', async (kong) => void (await kong.request.getMethod()), call)
      if (way === 0) return call.onAbandon?.()
      const { EventId } = await answered
      if (way === 1) return
      const step = rpc()
      events.step(EventId, 'GET', way === 2 ? 'failed' : undefined, step.call)
      if (way === 3) return step.call.onAbandon?.()
      await step.answered
    }

    const run = async (count: number) => {
      for (let done = 0; done < count; done += 1000) {
        await Promise.all(Array.from({ length: 1000 }, (_, i) => one(i % 5)))
        events.expireAll()
      }
      await collectGarbage()
      return process.memoryUsage().heapUsed
    }
    const before = await run(20_000)
    const after = await run(100_000)
    expect(events.size).toBe(0)
    expect(Object.fromEntries(outcomes)).toEqual({
      abandoned: 48_000,
      expired: 24_000,
      failed: 24_000,
      returned: 24_000,
    })
    expect((after - before) / 100_000).toBeLessThan(50)
  })
})
