import type { Logger } from '../pdk/method.js'
import type { DirectTarget } from '../pdk/plugin.js'
import { PeerGone, type Argument } from '../runtime/workers/peer.js'
import { Supervisor, type SupervisorOptions } from '../runtime/workers/supervisor.js'
import type { Worker } from '../runtime/workers/worker.js'
import type { HandoverCounters } from './counters.js'
import type { Instance } from './instances.js'
import type { HandedPlugin, RelayWorkerMethods, RelayWorkerOptions } from './relay-worker.js'
import { pluginId, type Reads, type RelayChoice } from './relays.js'
import type { Relays, WaitingExchange } from './relays.js'

type RelayProcess = Worker<RelayWorkerMethods>

export interface RelayWorkersOptions
  extends
    Omit<RelayWorkerOptions, 'prefix'>,
    Pick<SupervisorOptions<RelayWorkerMethods>, 'program' | 'count' | 'onGone'> {
  readonly log: Logger
  readonly counters: HandoverCounters
}

/**
 * Relays in processes of their own, each with a port of its own. A ticket and its exchange belong to the worker that issued it,
 * and begin with its id.
 */
export class RelayWorkers implements Relays {
  readonly #supervisor: Supervisor<RelayWorkerMethods>
  readonly #counters: HandoverCounters
  /** The configs in use as text. */
  readonly #texts = new WeakMap<object, string>()

  private constructor(supervisor: Supervisor<RelayWorkerMethods>, counters: HandoverCounters) {
    this.#supervisor = supervisor
    this.#counters = counters
  }

  /** @throws Error of the first worker that cannot start */
  static async start(options: RelayWorkersOptions): Promise<RelayWorkers> {
    const { program, count, onGone, counters, log, ...rest } = options
    const supervisor = await Supervisor.start<RelayWorkerMethods>({
      program,
      count,
      log,
      ...(onGone && { onGone }),
      startsWith: ({ id, slot }) => ({
        ...rest,
        prefix: prefixOf(id),
        listen: inSlot(rest.listen, slot),
        advertise: rest.advertise && inSlot(rest.advertise, slot),
      }),
    })
    return new RelayWorkers(supervisor, counters)
  }

  get workers(): readonly RelayProcess[] {
    return this.#supervisor.workers
  }

  async choose(): Promise<RelayChoice> {
    const worker = await this.#supervisor.next()
    return {
      address: worker.started,
      expect: async (instance, reads) => {
        worker.load++
        try {
          const request = { plugin: this.#handed(instance), reads: plainReads(reads) }
          return await asked(worker.peer.ask('expect', request))
        } catch (error) {
          worker.load--
          throw error
        }
      },
    }
  }

  async waiting(ticket: string): Promise<WaitingExchange | undefined> {
    const peer = this.#ownerOf(ticket)?.peer
    const names = peer && (await asked(peer.ask('waiting', ticket)))
    if (!names) return undefined
    return {
      reads: new Set(names),
      join: async (instance, reads) => {
        const joining = { ticket, plugin: this.#handed(instance), reads: plainReads(reads) }
        return (await asked(peer.ask('join', joining))) ?? false
      },
    }
  }

  logged(ticket: string, entry: Record<string, unknown>): void {
    const owner = this.#ownerOf(ticket)
    if (owner) owner.peer.tell('logged', { ticket, entry })
    else this.#counters.strayLogEvents++
  }

  /** To all: nobody knows yet which of them will get the request. Each hears it before a ticket of that request. */
  sentDirectly(id: string, target: DirectTarget): void {
    for (const { peer } of this.workers) peer.tell('sentDirectly', { id, target })
  }

  /** Opens log files anew. */
  reopen(): void {
    for (const { peer } of this.workers) peer.tell('reopen', null)
  }

  close(graceMs: number): Promise<void> {
    return this.#supervisor.close(graceMs)
  }

  #ownerOf(ticket: string): RelayProcess | undefined {
    return this.workers.find(({ id }) => ticket.startsWith(prefixOf(id)))
  }

  #handed(instance: Instance): HandedPlugin {
    const { name, config } = instance
    const text = this.#texts.get(config) ?? JSON.stringify(config)
    this.#texts.set(config, text)
    return { name, id: pluginId(instance), config: text }
  }
}

function prefixOf(id: number): string {
  return `${id}.`
}

/** Ports follow each other; 0 is any for all. */
function inSlot<A extends { host: string; port?: number }>(address: A, slot: number): A {
  return address.port ? { ...address, port: address.port + slot } : address
}

function plainReads(reads: Reads): Argument<RelayWorkerMethods['expect']>['reads'] {
  return [...reads]
}

/** A worker that is gone is as good as none. */
async function asked<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof PeerGone) return undefined
    throw error
  }
}
