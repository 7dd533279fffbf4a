import type { ProcessSettings } from '../pdk/exchange.js'
import type { Logger } from '../pdk/method.js'
import type { Address, Listener } from '../runtime/listener.js'
import { listenStatus } from '../runtime/status.js'
import { Metrics } from '../runtime/telemetry/metrics.js'
import { takeConnections, type Intake } from '../runtime/workers/intake.js'
import { PeerGone } from '../runtime/workers/peer.js'
import { Reports } from '../runtime/workers/reports.js'
import { Supervisor } from '../runtime/workers/supervisor.js'
import type { Worker } from '../runtime/workers/worker.js'
import type { GatewayConfig } from './entities.js'
import {
  plainConfig,
  type GatewayProcessOptions,
  type GatewayWorkerMethods,
  type PlainConfig,
} from './gateway-worker.js'

type GatewayProcess = Worker<GatewayWorkerMethods>

export interface GatewayWorkersOptions {
  readonly count: number
  /** The module that a worker's process runs. */
  readonly program: URL
  readonly process: GatewayProcessOptions
  readonly config: GatewayConfig
  readonly proxyListen: Address
  readonly statusListen: Address
  readonly settings: ProcessSettings
  readonly livePage: boolean
  readonly log: Logger
}

/** As long as a gateway in one process waits for answers in flight. */
const GRACE_MS = 30_000

/** A gateway in several processes: this one has the ports and the config, the workers serve. */
export class GatewayWorkers {
  /** What a worker has, or was started with. */
  readonly #configs = new WeakMap<GatewayProcess, PlainConfig>()
  /** What all are to have. */
  #config: PlainConfig
  #supervisor: Supervisor<GatewayWorkerMethods> | undefined
  #proxy: Intake | undefined
  #status: Listener | undefined

  private constructor({ config }: GatewayWorkersOptions) {
    this.#config = plainConfig(config)
  }

  /** @throws Error where a port cannot be listened on, or of the first worker that cannot start */
  static async start(options: GatewayWorkersOptions): Promise<GatewayWorkers> {
    const gateway = new GatewayWorkers(options)
    try {
      await gateway.#start(options)
    } catch (error) {
      await gateway.close(0)
      throw error
    }
    return gateway
  }

  async #start(options: GatewayWorkersOptions): Promise<void> {
    const { count, program, process, settings, livePage, log } = options
    const reports = new Reports({ workers: () => this.#workers, metrics: new Metrics() })
    this.#status = await listenStatus({
      listen: options.statusListen,
      metrics: reports,
      look: livePage ? () => reports.look() : undefined,
      status: async () => {
        const { ready, body } = await reports.status()
        return { ready: ready && this.#proxy !== undefined, body }
      },
    })
    const supervisor = await Supervisor.start<GatewayWorkerMethods>({
      count,
      program,
      log,
      startsWith: (worker) => {
        this.#configs.set(worker, this.#config)
        return { config: this.#config, settings: { ...settings, workers: count }, livePage, process }
      },
      onServes: (worker) =>
        void this.#bringUpToDate(worker).catch((err: unknown) => log.error({ err }, 'worker')),
      onGone: (worker) => reports.onGone(worker),
    })
    this.#supervisor = supervisor
    this.#proxy = await takeConnections(options.proxyListen, () => supervisor.next())
  }

  get proxyUrl(): string {
    return this.#proxy!.url
  }

  get statusUrl(): string {
    return this.#status!.url
  }

  /** Resolves when all workers have it. @throws Error where one cannot: all go on with the one before it */
  async reload(config: GatewayConfig): Promise<void> {
    const before = this.#config
    this.#config = plainConfig(config)
    try {
      // One after the other: what is wrong shows at the first, and nothing has changed then.
      for (const worker of this.#workers) await this.#bringUpToDate(worker)
    } catch (error) {
      this.#config = before
      for (const worker of this.#workers) await this.#bringUpToDate(worker)
      throw error
    }
  }

  /** Opens log files anew. */
  reopen(): void {
    for (const { peer } of this.#workers) peer.tell('reopen', null)
  }

  /** No new connections; answers in flight end, after `graceMs` they are broken off. */
  async close(graceMs = GRACE_MS): Promise<void> {
    this.#proxy?.close()
    await this.#supervisor?.close(graceMs)
    await this.#status?.close(0)
  }

  get #workers(): readonly GatewayProcess[] {
    return this.#supervisor?.workers ?? []
  }

  async #bringUpToDate(worker: GatewayProcess): Promise<void> {
    const config = this.#config
    if (this.#configs.get(worker) === config) return
    try {
      await worker.peer.ask('reload', config)
      this.#configs.set(worker, config)
    } catch (error) {
      // Who comes in its place starts with the config.
      if (!(error instanceof PeerGone)) throw error
    }
  }
}
