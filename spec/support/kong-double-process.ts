import { setTimeout as sleep } from 'node:timers/promises'
import { type RunningCommand, start } from './command.js'

/** A plugin server that Kong started. */
export interface KongProcess {
  readonly pid: number
  /** The process that there is now, or will be when the one before it has ended; each is one start. */
  started(place: number): Promise<RunningCommand>
  /** Kong's worker ends: SIGTERM, and the server is not started again. @returns the exit code of the last one */
  stop(): Promise<number | null>
}

/** Kong starts a server that ended anew, at most one a second. Milliseconds. */
const BETWEEN_STARTS = 1000

/**
 * Runs a plugin server as Kong does one with a `start_cmd` (kong/runloop/plugin_servers/process.lua): whatever ends it, it is
 * started again, as long as Kong's worker lives.
 */
export function startedByKong(args: string[]): KongProcess {
  const starts: RunningCommand[] = []
  const waiting: (() => void)[] = []
  let exiting = false
  const begin = () => {
    const command = start(args)
    starts.push(command)
    for (const tell of waiting.splice(0)) tell()
    return command
  }
  const keepRunning = async (): Promise<number | null> => {
    for (;;) {
      const next = performance.now() + BETWEEN_STARTS
      const code = await begin().ended
      if (exiting) return code
      await sleep(Math.max(0, next - performance.now()))
    }
  }
  const over = keepRunning()
  return {
    get pid() {
      return starts.at(-1)!.pid
    },
    async started(place) {
      while (starts.length <= place) await new Promise<void>((resolve) => waiting.push(resolve))
      return starts[place]!
    },
    async stop() {
      exiting = true
      void starts.at(-1)!.stop()
      return over
    },
  }
}
