import { existsSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { aiConfig, messages, post } from '../../support/ai-gateway.js'
import { closing } from '../../support/closing.js'
import {
  BodyReader,
  EVENTS,
  JSON_TYPE,
  COMPLETION,
  answering,
  provider,
  SSE_TYPE,
} from '../../support/ai-provider.js'
import { start, type RunningCommand } from '../../support/command.js'
import { KongDouble, type Run } from '../../support/kong-double.js'
import { chained, type KongFront, listenAsKong } from '../../support/kong-double-http.js'
import { Load } from '../../support/load.js'
import { endings, expectTranslated, heldStreams, kongWorker, parrot } from '../../support/parrot.js'
import { until } from '../../support/plugin-server.js'
import { scrape } from '../../support/prometheus.js'
import { temporarySocket } from '../../support/temp-socket.js'
import { isAlive, pidsWhere, PLUGINS, temporaryFolder, workerPids } from '../../support/workers.js'

/** Several processes start, on a machine that others use as well. Milliseconds. */
const TIMEOUT = 60_000

interface Server {
  readonly command: RunningCommand
  readonly socket: string
  readonly statusUrl: string
  /** Of the relays, in the order of the workers. */
  readonly ports: readonly number[]
  readonly pids: () => Promise<number[]>
}

async function serving(...args: string[]): Promise<Server> {
  const socket = temporarySocket()
  const command = start([
    'plugin-server',
    '--workers',
    '2',
    '--socket',
    socket,
    '--status-listen',
    '127.0.0.1:0',
    ...args,
  ])
  onTestFinished(async () => void (await command.stop('SIGKILL')))
  const [, relays] = await command.printed(/relay on (.*)\n/)
  const [, statusUrl] = await command.printed(/status on (\S+)\/status/)
  const ports = relays!.split(' ').map((address) => Number(address.split(':')[1]))
  return { command, socket, statusUrl: statusUrl!, ports, pids: () => workerPids(statusUrl!) }
}

function double(socket: string, plugin: string, config: object): KongDouble {
  const made = new KongDouble({ socket, plugin, config })
  closing({ close: async () => made.close() })
  return made
}

async function kong(socket: string, config: object): Promise<KongFront> {
  return closing(await listenAsKong(double(socket, 'ai-proxy', config), { retries: 0 }))
}

const portOf = ({ request }: Run) => request.upstream.port
const ticketOf = ({ request }: Run) => request.upstream.headers['x-relay-ticket']![0]!

/** A request in Kong's access phase, and no further. */
async function handedOver(one: KongDouble): Promise<Run> {
  const run = one.begin({ method: 'POST', path: '/chat' })
  await one.beforeUpstream(run)
  return run
}

describe('kong-ai plugin-server --workers', { timeout: TIMEOUT }, () => {
  it('hands requests over to all workers alike: ports of their own, five round trips, a record with Kong’s entry', async () => {
    const upstream = await answering(200, JSON_TYPE, COMPLETION)
    const file = path.join(await temporaryFolder(), 'log')
    const { socket, ports, statusUrl } = await serving('--log-sink', file)
    const front = await kong(socket, aiConfig(upstream.url))
    for (let i = 0; i < 6; i++) {
      const answer = await post(front, { messages })
      expect([answer.status, await answer.text()]).toEqual([200, COMPLETION])
    }
    expect(new Set(ports).size).toBe(2)
    await until(() => front.runs.length === 6)
    for (const port of ports) expect(front.runs.filter((run) => portOf(run) === port)).toHaveLength(3)
    expect(front.runs.map(({ roundTrips }) => roundTrips.access)).toEqual([5, 5, 5, 5, 5, 5])
    const lines = async () => (await readFile(file, 'utf8')).split('\n').slice(0, -1)
    await expect.poll(async () => (await lines()).length).toBe(6)
    const ids = (await lines()).map(
      (line) => JSON.parse(line) as { request: { id: string }; service: object },
    )
    // Only Kong's own entry has the service.
    expect(ids.every(({ service }) => service !== undefined)).toBe(true)
    expect(new Set(ids.map(({ request }) => request.id))).toEqual(
      new Set(front.runs.map(({ request }) => request.id)),
    )
    const metrics = await scrape(statusUrl)
    expect(metrics.value('kong_ai_handovers_total', { outcome: 'handed_over' })).toBe(6)
    expect(metrics.value('kong_ai_handovers_total', { outcome: 'stray_log_event' })).toBe(0)
    expect(metrics.value('kong_ai_tickets')).toBe(0)
    expect(metrics.value('kong_ai_llm_requests_total', { ai_model: 'gpt-4o' })).toBe(6)
  })

  it('gives a request to the worker with the fewest exchanges', async () => {
    const { socket, ports, statusUrl } = await serving()
    const one = double(socket, 'ai-proxy', aiConfig('http://localhost:1'))
    const runs: Run[] = []
    const handOver = async (count: number) => {
      const more = []
      for (let i = 0; i < count; i++) more.push(await handedOver(one))
      runs.push(...more)
      return more.map(portOf)
    }
    const of = (port: number) => runs.filter((run) => portOf(run) === port)
    await handOver(6)
    const [busy, free] = ports as [number, number]
    expect([of(busy).length, of(free).length]).toEqual([3, 3])
    // Kong's log events come, and the requests did not: their tickets are over.
    for (const run of of(free)) await one.log(run, 502)
    await expect.poll(async () => (await scrape(statusUrl)).value('kong_ai_tickets')).toBe(3)
    expect(await handOver(3)).toEqual([free, free, free])
    for (const run of runs) await one.log(run, 502)
  })

  it('joins several plugins of a request in one exchange, whichever worker has it', async () => {
    const upstream = await answering(200, JSON_TYPE, COMPLETION)
    const { socket, statusUrl } = await serving('--plugin', 'ai-proxy', '--plugin', 'redact')
    const plugins = [
      double(socket, 'ai-proxy', aiConfig(upstream.url)),
      double(socket, 'redact', { word: 'you', replacement: 'they' }),
    ] as const
    const front = closing(await listenAsKong(chained(...plugins), { retries: 0 }))
    for (let i = 0; i < 4; i++) {
      const answer = await post(front, { messages })
      expect([answer.status, await answer.text()]).toEqual([200, COMPLETION.replace('you', 'they')])
    }
    await until(() => front.runs.length === 4)
    expect(new Set(front.runs.map(portOf)).size).toBe(2)
    const metrics = await scrape(statusUrl)
    expect(metrics.value('kong_ai_handovers_total', { outcome: 'joined' })).toBe(4)
    expect(metrics.value('kong_ai_handovers_total', { outcome: 'handed_over' })).toBe(4)
  })

  it('knows a ticket in the worker that issued it alone, and there once', async () => {
    const upstream = await answering(200, JSON_TYPE, COMPLETION)
    const { socket, ports } = await serving()
    const run = await handedOver(double(socket, 'ai-proxy', aiConfig(upstream.url)))
    const own = portOf(run)
    const other = ports.find((port) => port !== own)!
    const ask = async (port: number) => {
      const answer = await fetch(`http://127.0.0.1:${port}/chat`, {
        method: 'POST',
        headers: { 'x-relay-ticket': ticketOf(run), 'content-type': 'application/json' },
        body: JSON.stringify({ messages }),
      })
      await answer.text()
      return answer.status
    }
    expect([await ask(other), await ask(own), await ask(own), await ask(other)]).toEqual([403, 200, 409, 403])
    expect(upstream.requests).toHaveLength(1)
  })

  it('takes a ticket of a client’s own making for none', async () => {
    const upstream = await answering(200, JSON_TYPE, COMPLETION)
    const { socket } = await serving()
    const front = await kong(socket, aiConfig(upstream.url))
    for (const ticket of ['1.x', '2.', '.', '7.abc', '1', '__proto__']) {
      const answer = await post(front, { messages }, { headers: { 'x-relay-ticket': ticket } })
      expect([answer.status, await answer.text()]).toEqual([200, COMPLETION])
    }
  })

  it('fails a request whose plugin no worker can make, instead of trying for ever', async () => {
    const { socket } = await serving('--plugins', PLUGINS, '--plugin', 'alone')
    const one = double(socket, 'alone', {})
    const run = one.begin({ path: '/' })
    expect((await one.beforeUpstream(run))?.status).toBe(500)
    expect(run.calls.filter(({ method }) => method === 'kong.service.set_target').length).toBeLessThan(2)
  })

  it('gives the relays ports that follow each other, where one is named', async () => {
    const base = await freePair()
    const { ports } = await serving(
      '--relay-listen',
      `127.0.0.1:${base}`,
      '--relay-advertise',
      `localhost:${base}`,
    )
    expect(ports).toEqual([base, base + 1])
  })
})

/** A port that is free, and the next one is, too. */
async function freePair(): Promise<number> {
  for (;;) {
    const first = await listening(0)
    const { port } = first.address() as AddressInfo
    const second = await listening(port + 1).catch(() => undefined)
    await new Promise((resolve) => first.close(resolve))
    if (!second) continue
    await new Promise((resolve) => second.close(resolve))
    return port
  }
}

function listening(port: number) {
  const server = createServer()
  return new Promise<typeof server>((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', () => resolve(server))
  })
}

describe('a relay worker that is killed', { timeout: TIMEOUT }, () => {
  it('takes its own exchanges along and no others: nothing passes untranslated, the rest goes on at once', async () => {
    const upstream = await parrot()
    const { socket, pids, command, statusUrl } = await serving('--plugin=ai-proxy')
    const kongs = [await kongWorker(socket, upstream), await kongWorker(socket, upstream)]
    let turn = 0
    const load = new Load(() => kongs[turn++ % kongs.length]!.url, 8, 'before')
    await load.reached(30)
    const held = await heldStreams(kongs[0]!.url, upstream, 6)
    const [killed, other] = await pids()
    process.kill(killed!, 'SIGKILL')
    load.era = 'gap'
    await load.reached(30)
    load.era = 'after'
    expect(
      await pidsWhere(
        () => workerPids(statusUrl),
        (all) => all.length === 2 && !all.includes(killed!),
      ),
    ).toContain(other)
    await load.reached(30)
    await load.stop()
    upstream.release()

    expect(endings(await Promise.all(held))).toEqual(['broken', 'whole'])
    expect(endings(load.told)).not.toContain('wrong')
    expect(load.of('gap').filter(({ ending }) => ending === 'whole').length).toBeGreaterThan(0)
    // Those that were on their way to the worker at its end.
    const lost = load.told.filter(({ ending }) => ending !== 'whole')
    expect(lost.length).toBeLessThanOrEqual(8)
    expect(lost.filter(({ status }) => ![0, 200, 502].includes(status))).toEqual([])
    expectTranslated(upstream)
    expect(await command.stop()).toBe(0)
  })

  it('leaves tickets that nobody knows any more: refused, and the next request is served', async () => {
    const upstream = await answering(200, JSON_TYPE, COMPLETION)
    const { socket, pids, statusUrl, command } = await serving()
    const one = double(socket, 'ai-proxy', aiConfig(upstream.url))
    const before = [await handedOver(one), await handedOver(one)]
    const killed = await pids()
    for (const pid of killed) process.kill(pid, 'SIGKILL')
    await until(() => !killed.some(isAlive))
    // While no worker is left the access phase waits for one.
    const after = await handedOver(one)
    const answer = await fetch(`http://127.0.0.1:${portOf(after)}/chat`, {
      method: 'POST',
      headers: { 'x-relay-ticket': ticketOf(after), 'content-type': 'application/json' },
      body: JSON.stringify({ messages }),
    })
    expect(answer.status).toBe(200)
    await answer.text()
    for (const run of before) {
      const late = await fetch(`http://127.0.0.1:${portOf(after)}/chat`, {
        headers: { 'x-relay-ticket': ticketOf(run) },
      })
      expect(late.status).toBe(403)
      await one.log(run, 502)
    }
    expect(upstream.requests).toHaveLength(1)
    await pidsWhere(
      () => workerPids(statusUrl),
      (all) => all.length === 2,
    )
    expect((await scrape(statusUrl)).value('kong_ai_handovers_total', { outcome: 'stray_log_event' })).toBe(2)
    expect(await command.stop()).toBe(0)
  })
})

describe('the end of relay workers', { timeout: TIMEOUT }, () => {
  it('comes with SIGTERM once streams have ended and their records are written', async () => {
    const openai = await provider()
    const file = path.join(await temporaryFolder(), 'log')
    const { socket, command, pids } = await serving('--log-sink', file)
    const front = await kong(socket, aiConfig(openai.url))
    const all = await pids()
    const streams = await Promise.all(
      [0, 1].map(async (place) => {
        const asking = post(front, { messages, stream: true })
        const turn = await openai.turn(place)
        turn.head(200, SSE_TYPE)
        turn.response.write(EVENTS.role + EVENTS.hello)
        const reader = new BodyReader(await asking)
        await reader.expect(EVENTS.role + EVENTS.hello)
        return { turn, reader }
      }),
    )
    const stopped = command.stop()
    await until(() => !existsSync(socket))
    for (const { turn } of streams) turn.response.end(EVENTS.finish + EVENTS.done)
    for (const { reader } of streams) expect(await reader.rest()).toBe(EVENTS.finish + EVENTS.done)
    expect(await stopped).toBe(0)
    expect(all.filter(isAlive)).toEqual([])
    const entries = (await readFile(file, 'utf8')).trim().split('\n')
    expect(entries.map((line) => (JSON.parse(line) as { response: object }).response)).toMatchObject([
      { status: 200 },
      { status: 200 },
    ])
  })
})
