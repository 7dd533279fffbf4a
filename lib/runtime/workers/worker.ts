import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { within } from '../within.js'
import { passLines } from './lines.js'
import { Peer, PeerGone, type Argument, type Value } from './peer.js'
import type { ParentMethods, WorkerMethods } from './worker-process.js'

/** What a worker may take to end beyond the grace that it has: its last log entries are on their way. Milliseconds. */
const LAST_WORDS_MS = 10_000

/** A process of its own may hold its stdout open. Milliseconds. */
const SILENT_MS = 1000

/** One of several processes that do the same work, as their parent sees it. */
export class Worker<M extends WorkerMethods> {
  readonly peer: Peer<M>
  /** How many of the things that it was given are not over. Whoever gives it one counts it here. */
  load = 0
  /** Resolves with how it ended. */
  readonly gone: Promise<string>
  readonly #child: ChildProcess
  /** Resolves when all that it said has been passed on. */
  readonly #silent: Promise<void>
  #started: Value<M['start']> | undefined
  #servesSince: number | undefined

  /**
   * @param program the module that calls `runWorker`
   * @param id of no other worker, not even of the one in whose place it came
   * @param slot from 0 up to the number of workers; of the one in whose place it came
   */
  constructor(
    program: URL,
    readonly id: number,
    readonly slot: number,
    onError: (err: unknown) => void,
  ) {
    const child = fork(fileURLToPath(program), { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
    passLines(child.stdout!, process.stdout)
    this.#child = child
    this.gone = new Promise((resolve) => {
      child.once('exit', (code, signal) => resolve(signal ?? `code ${code}`))
      child.on('error', (error) => {
        onError(error)
        if (child.pid === undefined) resolve(error.message)
      })
    })
    this.#silent = new Promise((resolve) => void child.stdout!.once('close', resolve))
    this.peer = new Peer<M>(child)
    const mine: ParentMethods = { over: (count) => void (this.load -= count) }
    this.peer.answer(mine, onError)
  }

  get pid(): number {
    return this.#child.pid!
  }

  /** It has started and not gone. */
  get serves(): boolean {
    return this.#servesSince !== undefined && this.#child.connected
  }

  /** Milliseconds; 0 if it never did. */
  get servedFor(): number {
    return this.#servesSince === undefined ? 0 : performance.now() - this.#servesSince
  }

  /** What it answered `start` with. */
  get started(): Value<M['start']> {
    return this.#started!
  }

  /** Resolves when it serves. @throws Error with its words, if it cannot; it is ended then */
  async start(options: Argument<M['start']>): Promise<void> {
    try {
      const gone = this.gone.then(() => Promise.reject(new PeerGone()))
      this.#started = await Promise.race([this.peer.ask('start', options), gone])
      this.#servesSince = performance.now()
    } catch (error) {
      this.#child.kill('SIGKILL')
      const how = await this.gone
      throw error instanceof PeerGone ? new Error(`a worker ended before it served: ${how}`) : error
    }
  }

  /** Lets it end what it has for at most `graceMs`, and waits until it is gone. */
  async stop(graceMs: number): Promise<void> {
    if (this.serves) {
      this.peer.ask('close', graceMs as Argument<M['close']>).catch(() => {})
      await within(graceMs + LAST_WORDS_MS, this.gone)
    }
    this.#child.kill('SIGKILL')
    await this.gone
    await within(SILENT_MS, this.#silent)
  }
}
