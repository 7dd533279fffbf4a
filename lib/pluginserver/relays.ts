import type { DirectTarget } from '../pdk/plugin.js'
import type { PluginInstance } from '../runtime/chain.js'
import type { HandoverCounters } from './counters.js'
import type { Instance } from './instances.js'
import type { Recent } from './recent.js'
import type { Tickets } from './tickets.js'

/** A relay as Kong reaches it. */
export interface RelayAddress {
  host: string
  port: number
}

/** Values of declared reads, by their names: `router.getService`. */
export type Reads = ReadonlyMap<string, unknown>

/** One of the places where handed-over requests go. */
export interface RelayChoice {
  readonly address: RelayAddress
  /**
   * Resolves with the ticket by which the relay knows the request from then on; with undefined if that relay is gone.
   *
   * @throws Error of the plugin, where the relay cannot make it
   */
  expect(instance: Instance, reads: Reads): Promise<string | undefined>
}

/** An exchange whose request has not come to its relay yet. */
export interface WaitingExchange {
  /** Names of the reads that it has. */
  readonly reads: ReadonlySet<string>
  /** Adds a plugin to it. @returns false if it waits no more */
  join(instance: Instance, reads: Reads): Promise<boolean>
}

/** Where handed-over requests go, as those see it who hand them over. */
export interface Relays {
  /** For the next request. */
  choose(): Promise<RelayChoice>
  /** The exchange of a ticket, if there is one that waits for its request. */
  waiting(ticket: string): Promise<WaitingExchange | undefined>
  /** Kong's log entry of a request with this ticket. */
  logged(ticket: string, entry: Record<string, unknown>): void
  /** Kong sends the request of this id to its provider itself: a plugin further on may hand it over after all. */
  sentDirectly(requestId: string, target: DirectTarget): void
}

/** The relay of this process. */
export class OwnRelay implements Relays, RelayChoice {
  readonly #tickets: Tickets
  readonly #counters: HandoverCounters
  readonly #direct: Recent<DirectTarget>

  constructor(
    readonly address: RelayAddress,
    known: { tickets: Tickets; counters: HandoverCounters; direct: Recent<DirectTarget> },
  ) {
    this.#tickets = known.tickets
    this.#counters = known.counters
    this.#direct = known.direct
  }

  async choose(): Promise<RelayChoice> {
    return this
  }

  async expect(instance: Instance, reads: Reads): Promise<string> {
    return this.#tickets.issue([pluginOf(instance)], reads).ticket
  }

  async waiting(ticket: string): Promise<WaitingExchange | undefined> {
    const handover = this.#tickets.waiting(ticket)
    return (
      handover && {
        reads: new Set(handover.reads.keys()),
        join: async (instance, reads) => this.#tickets.join(ticket, pluginOf(instance), reads),
      }
    )
  }

  logged(ticket: string, entry: Record<string, unknown>): void {
    if (!this.#tickets.log(ticket, entry)) this.#counters.strayLogEvents++
  }

  sentDirectly(requestId: string, target: DirectTarget): void {
    this.#direct.set(requestId, target)
  }
}

function pluginOf(instance: Instance): PluginInstance {
  return { name: instance.name, id: pluginId(instance), plugin: instance.plugin }
}

/** The id of the plugin entity. */
export function pluginId({ sent: { __plugin_id: id } }: Instance): string {
  return typeof id === 'string' ? id : ''
}
