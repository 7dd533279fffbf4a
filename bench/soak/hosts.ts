import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { type RoutedKong, routedKong } from './kong.js'
import type { Probe } from './probe.js'

/** A host of plugins, in a process of its own, with a port for clients. */
export interface TestedHost {
  readonly name: string
  readonly url: string
  probe(): Promise<Probe>
  /** Its config once more, and its log opened anew. */
  reload(): void
  /** Tells it to end, waits for it, and gives the number of log entries that it wrote. @throws Error where it does not end well */
  stop(): Promise<number>
}

/** Model providers with their options, by the name of their route, at one upstream each. */
export type Routes = Readonly<Record<string, { provider: string; upstream: string; options?: object }>>

const ROOT = new URL('../../../', import.meta.url)
const CLI = fileURLToPath(new URL('dist/lib/cli.js', ROOT))
const PROBE = new URL('probe.js', import.meta.url).href

const configOf = ({ provider, upstream, options }: Routes[string]) => ({
  route_type: 'llm/v1/chat',
  auth: { header_name: 'authorization', header_value: 'Bearer soak' },
  model: { provider, options: { upstream_url: upstream, ...options } },
})

/** The embedded gateway, with one route a name: `/<name>`. */
export async function startGateway(routes: Routes): Promise<TestedHost> {
  const folder = await mkdtemp(path.join(tmpdir(), 'kong-ai-soak-'))
  const file = path.join(folder, 'kong.yml')
  const entities = Object.entries(routes).map(([name, route]) => ({
    name,
    paths: [`/${name}`],
    plugins: [{ name: 'ai-proxy', config: configOf(route) }],
  }))
  const services = [{ name: 'llm', url: 'http://localhost:1', routes: entities }]
  await writeFile(file, JSON.stringify({ _format_version: '3.0', services }))
  const command = await startCommand(
    folder,
    ['gateway', '--config', file, '--proxy-listen', '127.0.0.1:0', '--status-listen', '127.0.0.1:0'],
    /proxy on (http:\S+)/,
  )
  return { name: 'gateway', url: command.match[1]!, ...command }
}

/** The plugin server with its relay, behind a Kong double with the same routes. */
export async function startRelay(routes: Routes): Promise<TestedHost> {
  const folder = await mkdtemp(path.join(tmpdir(), 'kong-ai-soak-'))
  const socket = path.join(folder, 'plugins.sock')
  const command = await startCommand(folder, ['plugin-server', '--socket', socket], /relay on \S+/)
  const configs = Object.entries(routes).map(([name, route]) => [name, configOf(route)] as const)
  const kong: RoutedKong = await routedKong(socket, Object.fromEntries(configs))
  return {
    name: 'relay',
    url: kong.url,
    probe: () => command.probe(),
    reload() {
      kong.reload()
      command.reload()
    },
    async stop() {
      await kong.close()
      return await command.stop()
    },
  }
}

/** The mock provider, in a process of its own: a server that stalls closes connections on which a request has come. */
export async function startMockProvider(): Promise<{ url: string; stop(): Promise<unknown> }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'kong-ai-soak-'))
  const command = await startCommand(
    folder,
    ['mock', '--listen', '127.0.0.1:0', '--pace', '0'],
    /(http:\/\/\S+)/,
    () => [],
  )
  return { url: command.match[1]!, stop: () => command.stop() }
}

/** Runs a command with its log in a file of the folder. Resolves when it has printed that it serves. */
async function startCommand(
  folder: string,
  args: string[],
  announces: RegExp,
  logArgs = (log: string) => ['--log-sink', log],
) {
  const log = path.join(folder, 'log')
  const child = fork(CLI, [...args, ...logArgs(log)], {
    execArgv: ['--expose-gc', '--import', PROBE],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  let said = ''
  let problems = ''
  child.stderr!.on('data', (piece: Buffer) => (problems = (problems + piece.toString()).slice(-10_000)))
  const ended = once(child, 'exit').then(([code, signal]) => {
    if (code !== 0) throw new Error(`${args[0]} ended with ${String(code ?? signal)}\n${problems}`)
  })
  ended.catch(() => {})
  const gone = ended.then(() => Promise.reject(new Error(`${args[0]} is gone`)))
  gone.catch(() => {})
  const announced = new Promise<RegExpExecArray>((resolve) => {
    child.stdout!.on('data', (piece: Buffer) => {
      const match = announces.exec((said += piece.toString()))
      if (match) resolve(match)
    })
  })
  return {
    match: await Promise.race([announced, gone]),
    async probe(): Promise<Probe> {
      const answer = once(child, 'message') as Promise<[Probe]>
      child.send('probe')
      const [probe] = await Promise.race([answer, gone])
      return probe
    },
    reload: () => void child.kill('SIGHUP'),
    async stop(): Promise<number> {
      child.kill()
      await ended
      const entries = await readFile(log, 'utf8').catch(() => '')
      await rm(folder, { recursive: true, force: true })
      return entries.split('\n').length - 1
    },
  }
}
