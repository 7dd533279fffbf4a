import { describe, expect, it, onTestFinished } from 'vitest'
import { FAILED } from '../../../lib/pluginserver/pdk-call.js'
import { startPluginServer, type PluginServer } from '../../../lib/pluginserver/server.js'
import { recordings, replay, type Replayed, type Turn } from '../../support/kong-double-replay.js'
import { probePlugin } from '../../support/probe.js'
import { silentLogger } from '../../support/silent-logger.js'
import { startStockServer } from '../../support/stock-pluginserver.js'
import { temporarySocket } from '../../support/temp-socket.js'

interface Deviation {
  /** Position in the recording's messages. */
  readonly at: number
  readonly why: string
  /** What our server answers there. */
  readonly data: unknown
}

/** Where our server says something else than kong-pdk's. */
const DEVIATIONS: Readonly<Record<string, Deviation>> = {
  'plugin-throws': {
    at: 6,
    why: 'kong-pdk ends the event, and Kong proxies the request as if the plugin had let it pass',
    data: FAILED,
  },
}

/** The recorded answers, as our server is to give them. */
function expected(turns: readonly Turn[], deviation: Deviation | undefined): unknown[] {
  return turns.map(({ at, recorded }) => {
    if (at !== deviation?.at) return recorded
    const [type, id, error] = recorded as unknown[]
    return [type, id, error, { Data: deviation.data }]
  })
}

async function ourServer(): Promise<Replayed> {
  const socket = temporarySocket()
  const start = () => startPluginServer({ socket, plugins: [probePlugin()], log: silentLogger })
  let server: PluginServer = await start()
  onTestFinished(() => server.close(0))
  return {
    socket,
    async restart() {
      await server.close(0)
      server = await start()
    },
  }
}

async function stockServer(): Promise<Replayed> {
  const server = await startStockServer(temporarySocket())
  onTestFinished(() => server.kill())
  return server
}

describe('a recorded Kong talks to our plugin server', () => {
  for (const recording of recordings()) {
    const deviation = DEVIATIONS[recording.name]
    it(`${recording.name}: ${deviation?.why ?? recording.scenario}`, async () => {
      const { turns, surplus } = await replay(recording, await ourServer())
      expect(turns.map(({ answered }) => answered)).toEqual(expected(turns, deviation))
      expect(surplus).toEqual([])
    })
  }
})

describe('a recorded Kong talks to the plugin server of kong-pdk that runs the same plugin', () => {
  for (const recording of recordings()) {
    it(`${recording.name}: without deviation`, async () => {
      const { turns, surplus } = await replay(recording, await stockServer())
      expect(turns.map(({ answered }) => answered)).toEqual(turns.map(({ recorded }) => recorded))
      expect(surplus).toEqual([])
    })
  }
})
