import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'

/** A process of the benchmarks. */
export interface Child {
  readonly pid: number
  /** Of the line by which it said that it was ready. */
  readonly match: RegExpExecArray
  stop(): Promise<void>
}

const running = new Set<ChildProcess>()
const START_MS = 20_000
const STOP_MS = 5000

/** Starts a process, and resolves once it has printed what `announces` describes. What it says on stderr is shown if it fails. */
export async function startChild(
  command: string,
  args: readonly string[],
  announces: RegExp,
  env: Readonly<Record<string, string>> = {},
): Promise<Child> {
  const child = spawn(command, args, {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.add(child)
  child.once('exit', () => running.delete(child))
  let said = ''
  const match = await new Promise<RegExpExecArray>((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`${command} ${args.join(' ')}: ${why}\n${said}`))
    const timer = setTimeout(() => fail('did not start in time'), START_MS)
    const look = (piece: Buffer): void => {
      if (said.length < 100_000) said += piece.toString()
      const found = announces.exec(said)
      if (!found) return
      clearTimeout(timer)
      resolve(found)
    }
    child.stdout.on('data', look)
    child.stderr.on('data', look)
    child.once('error', (error) => fail(error.message))
    child.once('exit', (code) => fail(`ended with code ${code}`))
  })
  return { pid: child.pid!, match, stop: () => stop(child) }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
  await ended
  clearTimeout(timer)
}

/** Leaves nothing behind, whatever happened. nginx has to end by itself: killed, it leaves its worker. */
export async function stopAll(): Promise<void> {
  await Promise.all([...running].map(stop))
}
