import { describe, expect, it, onTestFinished } from 'vitest'
import { FAILED } from '../../../lib/pluginserver/pdk-call.js'
import { startPluginServer, type PluginServer } from '../../../lib/pluginserver/server.js'
import { recordings, replay, type Replayed } from '../../support/kong-double-replay.js'
import { probePlugin } from '../../support/probe.js'
import { silentLogger } from '../../support/silent-logger.js'
import { startStockServer } from '../../support/stock-pluginserver.js'
import { temporarySocket } from '../../support/temp-socket.js'

/** Where our server says something else than kong-pdk's, and why. By recording and position in it. */
const DEVIATIONS: Readonly<Record<string, { at: number; why: string; data: unknown }>> = {
  'plugin-throws': {
    at: 6,
    why: 'kong-pdk ends the event, so that Kong proxies the request as if the plugin had let it pass',
    data: FAILED,
  },
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
    it(`${recording.name}: ${recording.scenario}`, async () => {
      const { turns, surplus } = await replay(recording, await ourServer())
      const deviation = DEVIATIONS[recording.name]
      for (const { at, recorded, answered } of turns) {
        if (at === deviation?.at) expect(answered).toMatchObject({ 3: { Data: deviation.data } })
        else expect(answered).toEqual(recorded)
      }
      expect(surplus).toEqual([])
    })
  }

  it('has no deviation in its table that did not happen', async () => {
    for (const recording of recordings().filter(({ name }) => name in DEVIATIONS)) {
      const { turns } = await replay(recording, await ourServer())
      const different = turns.filter(
        ({ recorded, answered }) => !Object.is(JSON.stringify(recorded), JSON.stringify(answered)),
      )
      expect(different.map(({ at }) => at)).toEqual([DEVIATIONS[recording.name]!.at])
    }
  })
})

describe('a recorded Kong talks to the plugin server of kong-pdk that runs the same plugin', () => {
  for (const recording of recordings()) {
    it(recording.name, async () => {
      const { turns, surplus } = await replay(recording, await stockServer())
      for (const { recorded, answered } of turns) expect(answered).toEqual(recorded)
      expect(surplus).toEqual([])
    })
  }
})
