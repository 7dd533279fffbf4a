import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { text } from 'node:stream/consumers'

const ROOT = path.resolve(import.meta.dirname, '../..')
const CLI = path.join(ROOT, 'dist/lib/cli.js')

export interface RunResult {
  code: number | null
  stdout: string
  stderr: string
}

interface CommandOptions {
  env?: Record<string, string>
  cwd?: string
}

/** Runs `kong-ai` with nothing of this process's environment but PATH. */
function kongAi(args: string[], { env = {}, cwd = ROOT }: CommandOptions): ChildProcess {
  return spawn(process.execPath, [CLI, ...args], { cwd, env: { PATH: process.env.PATH, ...env } })
}

/** Runs a command to its end. */
export async function run(args: string[], options: CommandOptions = {}): Promise<RunResult> {
  const child = kongAi(args, options)
  const [stdout, stderr] = await Promise.all([text(child.stdout!), text(child.stderr!), once(child, 'close')])
  return { code: child.exitCode, stdout, stderr }
}

export interface RunningCommand {
  readonly pid: number
  /** What it has printed so far. */
  readonly stdout: string
  readonly stderr: string
  /** Resolves at its end with the exit code; null if a signal ended it. */
  readonly ended: Promise<number | null>
  /** Resolves with the match once it has printed what the pattern describes. */
  printed(pattern: RegExp): Promise<RegExpExecArray>
  /** Sends a signal and waits for the end. @returns the exit code; null if a signal ended it */
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

/** Starts a command that goes on until it is stopped. */
export function start(args: string[], options: CommandOptions = {}): RunningCommand {
  const child = kongAi(args, options)
  const closed = once(child, 'close')
  let stdout = ''
  let stderr = ''
  const waiters = new Set<() => void>()
  const note = () => {
    for (const waiter of waiters) waiter()
  }
  child.stdout!.on('data', (piece: Buffer) => {
    stdout += piece.toString()
    note()
  })
  child.stderr!.on('data', (piece: Buffer) => {
    stderr += piece.toString()
  })
  return {
    pid: child.pid!,
    ended: closed.then(() => child.exitCode),
    get stdout() {
      return stdout
    },
    get stderr() {
      return stderr
    },
    printed: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const match = pattern.exec(stdout)
          if (!match) return
          waiters.delete(look)
          resolve(match)
        }
        waiters.add(look)
        look()
        void closed.then(() => reject(new Error(`ended without printing ${pattern}:\n${stdout}\n${stderr}`)))
      }),
    async stop(signal = 'SIGTERM') {
      child.kill(signal)
      await closed
      return child.exitCode
    },
  }
}
