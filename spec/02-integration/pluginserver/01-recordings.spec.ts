import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { FAILED } from '../../../lib/pluginserver/pdk-call.js'
import { startPluginServer, type PluginServer } from '../../../lib/pluginserver/server.js'
import { recordings, replay, type Replayed, type Turn } from '../../support/kong-double-replay.js'
import { RpcWorker } from '../../support/kong-double-rpc.js'
import { probePlugin } from '../../support/probe.js'
import { silentLogger } from '../../support/silent-logger.js'
import { startStockServer, type StockServer } from '../../support/stock-pluginserver.js'
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
  const socket = temporarySocket(afterAll)
  let server: StockServer
  beforeAll(async () => {
    server = await startStockServer(socket)
  })
  afterAll(() => server.kill())

  for (const recording of recordings()) {
    it(`${recording.name}: without deviation`, async () => {
      const { turns, surplus } = await replay(recording, server)
      expect(turns.map(({ answered }) => answered)).toEqual(turns.map(({ recorded }) => recorded))
      expect(surplus).toEqual([])
    })
  }

  it('tells about itself in the same shape as ours', async () => {
    const ours = await ourServer()
    const config = JSON.stringify({ message: 'hi' })
    const told = async (socket: string) => {
      const worker = new RpcWorker(socket, 5000)
      onTestFinished(() => worker.close())
      const started = (await worker.call('StartInstance', { Name: 'probe', Config: config })) as {
        Id: number
      }
      const answers = [
        await worker.call('InstanceStatus', started.Id),
        await worker.call('GetPluginInfo', 'probe'),
        await worker.call('CloseInstance', started.Id),
        await worker.call('GetStatus', null),
      ]
      return answers.map((answer) => shape(answer))
    }
    expect(await told(ours.socket)).toEqual(await told(socket))
  })
})

/** Types in place of the values that no two servers have in common; the order of phases says nothing to Kong. */
function shape(answer: unknown): unknown {
  const different = /^(Id|Pid|.*[tT]ime|LastStartInstance|LastCloseInstance)$/
  const text = JSON.stringify(answer, (key, value: unknown) => {
    if (key === 'Phases' && Array.isArray(value))
      return value.map(String).toSorted((a, b) => (a < b ? -1 : 1))
    return different.test(key) ? typeof value : value
  })
  return JSON.parse(text)
}
