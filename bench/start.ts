import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { cpuSeconds, residentBytes } from './accounting.js'
import { startChild, stopAll } from './child.js'
import { spread } from './stats.js'

/*
 * How long each command takes until it serves, from the start of its process, the CPU time of that, and what it holds when
 * nobody asks anything of it; beside them a Node that does nothing. With a folder as argument, another build of this
 * project, the same of that one. All take turns.
 */

const HERE = fileURLToPath(new URL('../..', import.meta.url))
const ROUNDS = 10
const IDLE_MS = 1000

interface Command {
  readonly name: string
  readonly args: readonly string[]
  /** What it prints when it serves. */
  readonly announces: RegExp
  readonly starts: Start[]
}

interface Start {
  /** Milliseconds. */
  readonly wall: number
  readonly cpu: number
  /** MB. */
  readonly resident: number
}

function commandsOf(name: string, build: string, folder: string): Command[] {
  const cli = path.join(build, 'dist/lib/cli.js')
  const ports = ['--proxy-listen', '127.0.0.1:0', '--status-listen', '127.0.0.1:0']
  const gateway = [...ports, '--config', path.join(HERE, 'kong.yml')]
  const command = (args: readonly string[], announces: RegExp): Command => ({
    name: [name, ...args.slice(0, 1)].join(' '),
    args: [cli, ...args],
    announces,
    starts: [],
  })
  const socket = path.join(folder, 'kong-ai.sock')
  return [
    command(['gateway', '--mock', 'http://127.0.0.1:1', ...gateway], /proxy on/),
    command(['start', ...gateway], /gateway on/),
    command(['plugin-server', '--socket', socket], /relay on/),
  ]
}

async function measure({ args, announces, starts }: Command): Promise<void> {
  const before = performance.now()
  const child = await startChild(process.execPath, args, announces)
  const wall = performance.now() - before
  const cpu = cpuSeconds(child.pid) * 1000
  await new Promise((resolve) => setTimeout(resolve, IDLE_MS))
  starts.push({ wall, cpu, resident: residentBytes(child.pid) / 2 ** 20 })
  await child.stop()
}

/** Median and range. */
function text(starts: readonly Start[], what: keyof Start): string {
  const { median, min, max } = spread(starts.map((start) => start[what]))
  return `${median.toFixed(0)} (${min.toFixed(0)}–${max.toFixed(0)})`
}

const folder = await mkdtemp(path.join(tmpdir(), 'kong-ai-bench-'))
try {
  const [baseline] = process.argv.slice(2)
  const nothing = ['-e', 'console.log("up"); setInterval(() => {}, 1e6)']
  const commands: Command[] = [
    { name: 'node', args: nothing, announces: /up/, starts: [] },
    ...commandsOf('kong-ai', HERE, folder),
    ...(baseline === undefined ? [] : commandsOf('baseline', path.resolve(baseline), folder)),
  ]
  for (let round = 0; round < ROUNDS; round++) {
    for (const command of commands) await measure(command)
  }
  const width = Math.max(...commands.map(({ name }) => name.length))
  for (const { name, starts } of commands) {
    const [wall, cpu, resident] = [text(starts, 'wall'), text(starts, 'cpu'), text(starts, 'resident')]
    process.stdout.write(
      `${name.padEnd(width)}  serves after ${wall} ms, ${cpu} ms of CPU; ${resident} MB resident\n`,
    )
  }
} finally {
  await stopAll()
  await rm(folder, { recursive: true, force: true })
}
