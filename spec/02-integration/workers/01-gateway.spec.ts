import { existsSync } from 'node:fs'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { closing } from '../../support/closing.js'
import { run } from '../../support/command.js'
import { gate, origin, type Origin } from '../../support/origin.js'
import { until } from '../../support/plugin-server.js'
import { scrape } from '../../support/prometheus.js'
import { RawClient } from '../../support/raw-http.js'
import {
  ask,
  isAlive,
  temporaryFolder,
  whoConfig,
  workersGateway,
  type Answer,
  type WorkersGateway,
} from '../../support/workers.js'

/** Several processes start, on a machine that others use as well. Milliseconds. */
const TIMEOUT = 60_000

/** An upstream that begins an answer at once and ends it when it is told to. */
async function slowOrigin(): Promise<Origin & { finish(): void }> {
  const { promise, open } = gate()
  const upstream = closing(
    await origin((_, response) => {
      response.writeHead(200).write('begun ')
      void promise.then(() => response.end('ended'))
    }),
  )
  return { ...upstream, finish: () => open() }
}

/** Streams, until each worker has one. */
async function oneOfEach(gateway: WorkersGateway): Promise<Map<number, Answer>> {
  const streams = new Map<number, Answer>()
  const wanted = (await gateway.pids()).length
  while (streams.size < wanted) {
    const answer = await ask(gateway.url)
    streams.set(answer.worker, answer)
  }
  return streams
}

function stderrHas({ command }: WorkersGateway, pattern: RegExp): number {
  return command.stderr.match(pattern)?.length ?? 0
}

describe('kong-ai gateway --workers', { timeout: TIMEOUT }, () => {
  it('shares the connections out evenly, and each worker serves them as one process does', async () => {
    const upstream = closing(await origin())
    const gateway = await workersGateway(whoConfig(upstream.url))
    const served = new Map<number, number>()
    for (let i = 0; i < 20; i++) {
      const answer = await ask(`${gateway.url}/x`)
      expect([answer.status, JSON.parse(await answer.text())]).toMatchObject([200, { url: '/x' }])
      served.set(answer.worker, (served.get(answer.worker) ?? 0) + 1)
    }
    expect(new Set(served.keys())).toEqual(new Set(await gateway.pids()))
    for (const count of served.values()) expect(count).toBeGreaterThanOrEqual(8)
    expect(served.has(gateway.command.pid)).toBe(false)
  })

  it('gives the next connection to the worker that has the fewest', async () => {
    const upstream = await slowOrigin()
    const gateway = await workersGateway(whoConfig(upstream.url))
    const streams = await oneOfEach(gateway)
    const [busy, free] = [...streams.keys()]
    streams.get(free!)!.message.destroy()
    // By the time that its worker has told all of its metrics the parent knows of the end, too.
    await expect.poll(async () => (await scrape(gateway.statusUrl)).value('kong_ai_open_exchanges')).toBe(1)
    expect((await ask(gateway.url)).worker).toBe(free)
    expect(busy).not.toBe(free)
    upstream.finish()
  })

  it('answers what is no request as a process with the port does, and keeps connections open between requests', async () => {
    const upstream = closing(await origin())
    const gateway = await workersGateway(whoConfig(upstream.url))
    const { port } = new URL(gateway.url)
    const client = new RawClient(connect(Number(port), '127.0.0.1'))
    closing({ close: async () => void client.socket.destroy() })
    client.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
    await client.seen(/x-worker: \d+/i)
    client.write('nonsense\r\n\r\n')
    expect(await client.rest()).toMatch(/HTTP\/1\.1 400 .*"message":\s?"Bad request"/s)
  })

  it('replaces a worker that is killed; streams of the others end whole, and the port is open all the while', async () => {
    const upstream = await slowOrigin()
    const gateway = await workersGateway(whoConfig(upstream.url))
    const streams = await oneOfEach(gateway)
    const [killed, other] = [...streams.keys()]
    process.kill(killed!, 'SIGKILL')
    await expect(streams.get(killed!)!.text()).rejects.toThrow('aborted')
    const during = await Promise.all(Array.from({ length: 10 }, () => ask(gateway.url)))
    expect(during.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 200))
    expect(during.map(({ worker }) => worker)).not.toContain(killed)
    const pids = await gateway.pidsWhere((all) => all.length === 2 && !all.includes(killed!))
    expect(pids).toContain(other)
    upstream.finish()
    expect(await streams.get(other!)!.text()).toBe('begun ended')
    expect((await oneOfEach(gateway)).size).toBe(2)
    expect(gateway.command.stderr).toMatch(/"how":"SIGKILL","msg":"a worker ended: another takes its place"/)
  })

  it('keeps connections waiting while no worker is left, and refuses none', async () => {
    const upstream = closing(await origin())
    const gateway = await workersGateway(whoConfig(upstream.url))
    const before = await gateway.pids()
    for (const pid of before) process.kill(pid, 'SIGKILL')
    await until(() => !before.some(isAlive))
    const answers = await Promise.all(Array.from({ length: 5 }, () => ask(gateway.url)))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
  })

  it('replaces a worker that a plugin brings down, again and again, ever later', async () => {
    const upstream = closing(await origin())
    const gateway = await workersGateway(whoConfig(upstream.url))
    for (let i = 0; i < 4; i++) await expect(ask(gateway.url, { 'x-do': 'die' })).rejects.toThrow()
    expect((await ask(gateway.url)).status).toBe(200)
    await gateway.pidsWhere((pids) => pids.length === 2)
    await until(() => stderrHas(gateway, /"how":"code 7"/g) === 4)
  })

  it('goes on trying where a worker cannot start any more', async () => {
    const upstream = closing(await origin())
    const block = path.join(await temporaryFolder(), 'block')
    const gateway = await workersGateway(whoConfig(upstream.url), { env: { DIE_WHILE: block } })
    const [first] = await gateway.pids()
    await writeFile(block, '')
    process.kill(first!, 'SIGKILL')
    await until(() => stderrHas(gateway, /a worker ended before it served: code 9/g) >= 2)
    expect((await ask(gateway.url)).status).toBe(200)
    await rm(block)
    await gateway.pidsWhere((pids) => pids.length === 2)
  })

  it('does not start where a worker cannot: exits 1 with its words, and leaves no process', async () => {
    const upstream = closing(await origin())
    const file = path.join(await temporaryFolder(), 'kong.yml')
    const config = whoConfig(upstream.url, ['/'], { refuse: true })
    await writeFile(file, JSON.stringify({ _format_version: '3.0', ...config }))
    const { code, stderr } = await run([
      'gateway',
      '--config',
      file,
      '--plugins',
      'spec/fixtures/plugins-workers',
      '--workers',
      '2',
      '--proxy-listen',
      '127.0.0.1:0',
      '--status-listen',
      '127.0.0.1:0',
    ])
    expect([code, stderr]).toEqual([1, 'kong-ai gateway: this config is refused\n'])
  })

  it('exits 1 where its port is taken, before a word is said', async () => {
    const upstream = closing(await origin())
    const { code, stdout, stderr } = await run([
      'gateway',
      '--workers',
      '2',
      '--status-listen',
      '127.0.0.1:0',
      '--proxy-listen',
      `127.0.0.1:${upstream.port}`,
    ])
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toContain('EADDRINUSE')
  })

  it.each(['0', 'many', '-1', '1.5'])('exits 2 for --workers %s', async (count) => {
    const { code, stderr } = await run(['gateway', `--workers=${count}`])
    expect([code, stderr]).toEqual([
      2,
      `kong-ai gateway: --workers: '${count}' is neither a number from 1 to 999 nor auto\n`,
    ])
  })
})

describe('a reload over workers', { timeout: TIMEOUT }, () => {
  it('reaches every worker, and one that comes later; streams of the old config end whole', async () => {
    const upstream = await slowOrigin()
    const gateway = await workersGateway(whoConfig(upstream.url, ['/old', '/']))
    const streams = await oneOfEach(gateway)
    await gateway.write(whoConfig(upstream.url, ['/new']))
    process.kill(gateway.command.pid, 'SIGHUP')
    await until(() => gateway.command.stderr.includes('the config was reloaded'))
    const [killed, other] = [...streams.keys()]
    const statuses = async () => {
      const answers = await Promise.all(['/new', '/old', '/new', '/old'].map((one) => ask(gateway.url + one)))
      return answers.map(({ status }) => status)
    }
    expect(await statuses()).toEqual([200, 404, 200, 404])
    process.kill(killed!, 'SIGKILL')
    await gateway.pidsWhere((pids) => pids.length === 2 && !pids.includes(killed!))
    expect(await statuses()).toEqual([200, 404, 200, 404])
    upstream.finish()
    expect(await streams.get(other!)!.text()).toBe('begun ended')
  })

  it('that is bad changes nothing, whether the file says so or a plugin', async () => {
    const upstream = closing(await origin())
    const gateway = await workersGateway(whoConfig(upstream.url, ['/old']), { args: ['--watch'] })
    await gateway.write({ services: [{ name: 's', url: 'nowhere' }] })
    await until(() => gateway.command.stderr.includes('services[0].url'))
    await gateway.write(whoConfig(upstream.url, ['/refused'], { refuse: true }))
    await until(() => gateway.command.stderr.includes('this config is refused'))
    expect(stderrHas(gateway, /the old one stays/g)).toBe(2)
    for (const [one, status] of [
      ['/old', 200],
      ['/old', 200],
      ['/refused', 404],
      ['/refused', 404],
    ]) {
      expect((await ask(`${gateway.url}${one}`)).status).toBe(status)
    }
    await gateway.write(whoConfig(upstream.url, ['/new']))
    await until(() => gateway.command.stderr.includes('the config was reloaded'))
    expect((await ask(`${gateway.url}/new`)).status).toBe(200)
  })
})

describe('the end of workers', { timeout: TIMEOUT }, () => {
  it('comes with SIGTERM when their streams have ended: exit 0, and nothing is left running', async () => {
    const upstream = await slowOrigin()
    const gateway = await workersGateway(whoConfig(upstream.url))
    const pids = await gateway.pids()
    const streams = await oneOfEach(gateway)
    const stopped = gateway.command.stop('SIGTERM')
    await expect
      .poll(() =>
        ask(gateway.url).then(
          () => 'open',
          () => 'closed',
        ),
      )
      .toBe('closed')
    upstream.finish()
    for (const stream of streams.values()) expect(await stream.text()).toBe('begun ended')
    expect(await stopped).toBe(0)
    expect(pids.filter(isAlive)).toEqual([])
  })

  it('is the parent’s to say: signals that reach the whole group end no stream', async () => {
    const upstream = await slowOrigin()
    const gateway = await workersGateway(whoConfig(upstream.url))
    const streams = await oneOfEach(gateway)
    for (const pid of await gateway.pids()) {
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(pid, signal)
    }
    expect(new Set(await gateway.pids())).toEqual(new Set(streams.keys()))
    upstream.finish()
    for (const stream of streams.values()) expect(await stream.text()).toBe('begun ended')
  })

  it('follows on that of a parent that was killed, once their streams have ended', async () => {
    const upstream = await slowOrigin()
    const gateway = await workersGateway(whoConfig(upstream.url))
    const streams = await oneOfEach(gateway)
    process.kill(gateway.command.pid, 'SIGKILL')
    await until(() => !isAlive(gateway.command.pid))
    expect([...streams.keys()].every(isAlive)).toBe(true)
    upstream.finish()
    for (const stream of streams.values()) expect(await stream.text()).toBe('begun ended')
    await until(() => ![...streams.keys()].some(isAlive))
  })
})

describe('log entries of workers', { timeout: TIMEOUT }, () => {
  const LONG = 'x'.repeat(20_000)

  /** Entries that no pipe keeps together, of both workers at once. */
  async function longEntries(gateway: WorkersGateway): Promise<void> {
    const asking = Array.from({ length: 40 }, () => ask(gateway.url, { 'x-long': LONG }))
    for (const answer of await Promise.all(asking)) await answer.text()
  }

  it('are whole lines on stdout, however long', async () => {
    const upstream = closing(await origin())
    const gateway = await workersGateway(whoConfig(upstream.url), { args: ['--log-sink', 'stdout'] })
    await longEntries(gateway)
    await until(() => gateway.command.stdout.match(/^\{/gm)?.length === 40)
    expect(await gateway.command.stop()).toBe(0)
    const lines = gateway.command.stdout.trim().split('\n').slice(2)
    const longs = lines.map((line) => (JSON.parse(line) as { request: { headers: object } }).request.headers)
    expect(longs).toHaveLength(40)
    for (const headers of longs) expect(headers).toMatchObject({ 'x-long': LONG })
  })

  it('are whole lines of one file, which all open anew on SIGHUP', async () => {
    const upstream = closing(await origin())
    const file = path.join(await temporaryFolder(), 'log')
    const gateway = await workersGateway(whoConfig(upstream.url), { args: ['--log-sink', file] })
    const lines = async (name: string) => (await readFile(name, 'utf8')).split('\n').slice(0, -1)
    await longEntries(gateway)
    await expect.poll(async () => (await lines(file)).length).toBe(40)
    for (const line of await lines(file))
      expect(JSON.parse(line)).toHaveProperty('request.headers.x-long', LONG)
    await rename(file, `${file}.1`)
    process.kill(gateway.command.pid, 'SIGHUP')
    await until(() => existsSync(file))
    await until(() => gateway.command.stderr.includes('the config was reloaded'))
    await longEntries(gateway)
    await expect.poll(async () => (await lines(file)).length).toBe(40)
    expect(await lines(`${file}.1`)).toHaveLength(40)
  })
})
