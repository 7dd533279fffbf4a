import type { Logger } from '../../pdk/method.js'
import type { Argument } from './peer.js'
import { Worker } from './worker.js'
import type { WorkerMethods } from './worker-process.js'

export interface SupervisorOptions<M extends WorkerMethods> {
  /** The module that calls `runWorker`. */
  readonly program: URL
  readonly count: number
  readonly log: Logger
  /** What a worker starts with, asked for when it does: one that comes later is to do as the others do by then. */
  readonly startsWith: (worker: Worker<M>) => Argument<M['start']>
  /** It serves from now on. */
  readonly onServes?: (worker: Worker<M>) => void
  /** It served, and is gone. */
  readonly onGone?: (worker: Worker<M>) => void
}

/** A worker that has served so long did not die of what it was started with. Milliseconds. */
const STEADY_MS = 5000
const FIRST_DELAY_MS = 100
const MOST_DELAY_MS = 10_000

/** Keeps a number of workers alive: one that ends by itself is replaced at once, or ever later where none lasts. */
export class Supervisor<M extends WorkerMethods> {
  readonly #options: SupervisorOptions<M>
  /** Those whose turn is longest ago come first. */
  readonly #all = new Set<Worker<M>>()
  readonly #waiting: ((worker: Worker<M>) => void)[] = []
  readonly #timers = new Set<NodeJS.Timeout>()
  #nextId = 1
  /** Workers in a row that did not last. */
  #failures = 0
  #isClosing = false

  private constructor(options: SupervisorOptions<M>) {
    this.#options = options
  }

  /**
   * Resolves when all serve.
   *
   * @throws Error of the first that cannot; none is left then
   */
  static async start<M extends WorkerMethods>(options: SupervisorOptions<M>): Promise<Supervisor<M>> {
    const supervisor = new Supervisor(options)
    try {
      await Promise.all(Array.from({ length: options.count }, (_, slot) => supervisor.#begin(slot)))
    } catch (error) {
      await supervisor.close(0)
      throw error
    }
    return supervisor
  }

  /** Those that serve. */
  get workers(): Worker<M>[] {
    return [...this.#all].filter(({ serves }) => serves)
  }

  /** The one that has the least to do, of equals the one whose turn is longest ago; waits for one where none serves. */
  async next(): Promise<Worker<M>> {
    let least: Worker<M> | undefined
    for (const worker of this.#all) {
      if (worker.serves && !(least && least.load <= worker.load)) least = worker
    }
    if (!least) return new Promise((resolve) => this.#waiting.push(resolve))
    this.#all.delete(least)
    this.#all.add(least)
    return least
  }

  /** Lets all end what they have for at most `graceMs`, and waits until they are gone. */
  async close(graceMs: number): Promise<void> {
    this.#isClosing = true
    for (const timer of this.#timers) clearTimeout(timer)
    await Promise.all([...this.#all].map((worker) => worker.stop(graceMs)))
  }

  async #begin(slot: number): Promise<void> {
    const { program, log, startsWith, onServes } = this.#options
    const worker = new Worker<M>(program, this.#nextId++, slot, (err) => log.error({ err }, 'worker'))
    this.#all.add(worker)
    void worker.gone.then((how) => this.#onGone(worker, how))
    await worker.start(startsWith(worker))
    onServes?.(worker)
    for (const resolve of this.#waiting.splice(0)) resolve(worker)
  }

  #onGone(worker: Worker<M>, how: string): void {
    const { log, onGone } = this.#options
    this.#all.delete(worker)
    if (worker.servedFor > 0) onGone?.(worker)
    if (this.#isClosing) return
    if (worker.servedFor > 0) log.error({ pid: worker.pid, how }, 'a worker ended: another takes its place')
    this.#failures = worker.servedFor > STEADY_MS ? 0 : this.#failures + 1
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      this.#begin(worker.slot).catch((err: unknown) => log.error({ err }, 'a worker does not start'))
    }, delayAfter(this.#failures))
    this.#timers.add(timer)
  }
}

/** Once at once; then ever later. */
function delayAfter(failures: number): number {
  return failures < 2 ? 0 : Math.min(FIRST_DELAY_MS * 2 ** (failures - 2), MOST_DELAY_MS)
}
