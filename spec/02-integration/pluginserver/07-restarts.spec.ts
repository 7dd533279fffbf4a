import { existsSync } from 'node:fs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { start, type RunningCommand } from '../../support/command.js'
import { startedByKong } from '../../support/kong-double-process.js'
import { Load } from '../../support/load.js'
import { endings, expectTranslated, heldStreams, kongWorker, parrot } from '../../support/parrot.js'
import { until } from '../../support/plugin-server.js'
import { temporarySocket } from '../../support/temp-socket.js'

const CLIENTS = 12
const HELD = 4
/** Three processes at full load take their time on a machine that others use as well. Milliseconds. */
const TIMEOUT = 60_000
/** Below those that systems give to connections: nobody takes it while the process is away. */
const FIXED_PORT = 20_000 + (process.pid % 10_000)
const LISTENS = /relay on (127\.0\.0\.1:\d+)\n/

/** A plugin server that somebody else than Kong runs. */
function serving(socket: string): RunningCommand {
  const command = start(serverArgs(socket))
  onTestFinished(async () => void (await command.stop('SIGKILL')))
  return command
}

const serverArgs = (socket: string, relay = '127.0.0.1:0') => [
  'plugin-server',
  '--plugin=ai-proxy',
  `--socket=${socket}`,
  `--relay-listen=${relay}`,
]

describe('a plugin server that is killed under load and started again by Kong', { timeout: TIMEOUT }, () => {
  for (const [its, relay] of [
    ['a relay port of its own', '127.0.0.1:0'],
    ['a fixed relay port', `127.0.0.1:${FIXED_PORT}`],
  ]) {
    it(`lets nothing pass untranslated, breaks off what it was at, and serves at once again: ${its}`, async () => {
      const socket = temporarySocket()
      const upstream = await parrot()
      const plugins = startedByKong(serverArgs(socket, relay))
      onTestFinished(async () => void (await plugins.stop()))
      await (await plugins.started(0)).printed(LISTENS)
      const workers = [await kongWorker(socket, upstream), await kongWorker(socket, upstream)]
      let turn = 0
      const load = new Load(() => workers[turn++ % workers.length]!.url, CLIENTS, 'before')
      await load.reached(30)
      const held = await heldStreams(workers[0]!.url, upstream, HELD)
      // Handed over, and not sent on by Kong before the end came.
      const unsent = workers[0]!.double.begin({ method: 'POST', path: '/chat' })
      await workers[0]!.double.beforeUpstream(unsent)

      process.kill(plugins.pid, 'SIGKILL')
      load.era = 'gap'
      expect(endings(await Promise.all(held))).toEqual(['broken'])
      const [, address] = await (await plugins.started(1)).printed(LISTENS)
      load.era = 'after'
      await load.reached(50)
      await load.stop()

      expect(endings(load.of('after'))).toEqual(['whole'])
      expect(endings(load.told)).not.toContain('wrong')
      expect(load.of('gap').filter(({ status }) => ![200, 500, 502, 403].includes(status))).toEqual([])
      const seen = expectTranslated(upstream)
      const refused = load.told.filter(({ ending }) => ending === 'refused')
      expect(refused.length).toBeGreaterThan(0)
      expect(seen.filter((words) => refused.some((one) => one.words === words && one.era === 'gap'))).toEqual(
        [],
      )

      const spent = workers
        .flatMap(({ runs }) => runs)
        .find(({ request }) => request.response.status === 200)!
      for (const { request } of [spent, unsent]) {
        const [ticket] = request.upstream.headers['x-relay-ticket']!
        const answer = await fetch(`http://${address}/chat`, { headers: { 'x-relay-ticket': ticket! } })
        expect(answer.status).toBe(403)
      }
      expect(upstream.requests).toHaveLength(seen.length)
      expect(await plugins.stop()).toBe(0)
      expect(existsSync(socket)).toBe(false)
    })
  }
})

describe('a plugin server that is told to stop under load', { timeout: TIMEOUT }, () => {
  it('ends every answer that it has begun, and breaks none off', async () => {
    const socket = temporarySocket()
    const upstream = await parrot()
    const command = serving(socket)
    await command.printed(LISTENS)
    const worker = await kongWorker(socket, upstream)
    const load = new Load(() => worker.url, CLIENTS, 'before')
    await load.reached(30)
    const held = await heldStreams(worker.url, upstream, HELD)
    const stopped = command.stop()
    await until(() => !existsSync(socket))
    load.era = 'after'
    await load.reached(20)
    upstream.release()
    expect(endings(await Promise.all(held))).toEqual(['whole'])
    expect(await stopped).toBe(0)
    await load.stop()
    expect(endings(load.told)).toEqual(['refused', 'whole'])
    const seen = expectTranslated(upstream)
    expect(seen.length).toBe(HELD + load.told.filter(({ ending }) => ending === 'whole').length)
  })

  it('gives way to the one of a reloaded Kong without a request lost', async () => {
    const socket = temporarySocket()
    const upstream = await parrot()
    const old = startedByKong(serverArgs(socket))
    onTestFinished(async () => void (await old.stop()))
    await (await old.started(0)).printed(LISTENS)
    let worker = await kongWorker(socket, upstream)
    const load = new Load(() => worker.url, CLIENTS, 'before')
    await load.reached(30)
    const held = await heldStreams(worker.url, upstream, HELD)
    // The new worker serves from the first moment, with whoever is behind the socket.
    worker = await kongWorker(socket, upstream)
    load.era = 'both'
    const next = startedByKong(serverArgs(socket))
    onTestFinished(async () => void (await next.stop()))
    await (await next.started(0)).printed(LISTENS)
    await load.reached(100)
    upstream.release()
    expect(endings(await Promise.all(held))).toEqual(['whole'])
    // The old worker has nothing more to do and ends, and its process with it.
    expect(await old.stop()).toBe(0)
    load.era = 'after'
    await load.reached(50)
    await load.stop()
    expect(endings(load.told)).toEqual(['whole'])
    expect(expectTranslated(upstream)).toHaveLength(HELD + load.told.length)
  })
})
