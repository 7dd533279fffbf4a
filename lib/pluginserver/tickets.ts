import type { PluginInstance } from '../runtime/chain.js'
import { randomText } from '../runtime/ids.js'
import { Recent } from './recent.js'
import { ShortLived } from './short-lived.js'

/** The header by which a request finds its exchange. */
export const TICKET_HEADER = 'x-relay-ticket'

/** 192 bits: nobody guesses one. */
const TICKET_BYTES = 24

/** How long a ticket waits for its request, and how long a used one is remembered. Milliseconds. */
const MINUTE = 60_000

/** A request that Kong is about to send to the relay: which plugins run there, and what was read for them over RPC. */
export interface Handover {
  readonly ticket: string
  /** In the order in which Kong runs them. */
  readonly plugins: PluginInstance[]
  /** Values of the declared reads, by their names: `router.getService`. */
  readonly reads: Map<string, unknown>
  /** Ends it if its request does not come; undefined once that has. */
  expiry: NodeJS.Timeout | undefined
  /** Kong's log entry, once its log event came. */
  entry?: Record<string, unknown>
  /** Somebody waits for the entry. */
  onEntry?: () => void
}

export interface TicketsOptions {
  /** How long a ticket waits for its request, and how long a used one is remembered. Milliseconds. */
  readonly lifeMs?: number
  /** What all tickets begin with. */
  readonly prefix?: string
  /** Called when a ticket is live no more. */
  readonly onOver?: () => void
}

/**
 * The tickets of this process:
 *
 *     issue -> waiting --claim-> claimed --end-> ended, remembered for a minute
 *                 \ a minute, or Kong's log event: its request has been answered by somebody else
 */
export class Tickets {
  /** Waiting or claimed. */
  readonly #live = new ShortLived<string, Handover>()
  #waiting = 0
  /** Whether Kong's log entry came in time. */
  readonly #ended: Recent<boolean>
  readonly #settled: (() => void)[] = []

  readonly #prefix: string
  readonly #lifeMs: number
  readonly #onOver: (() => void) | undefined

  constructor({ lifeMs = MINUTE, prefix = '', onOver }: TicketsOptions = {}) {
    this.#ended = new Recent(lifeMs)
    this.#lifeMs = lifeMs
    this.#prefix = prefix
    this.#onOver = onOver
  }

  /** How many are live, claimed or not. */
  get size(): number {
    return this.#live.size
  }

  issue(plugins: readonly PluginInstance[] = [], reads: ReadonlyMap<string, unknown> = new Map()): Handover {
    const ticket = this.#prefix + randomText(TICKET_BYTES, 'base64url')
    const expiry = setTimeout(() => this.#expire(ticket), this.#lifeMs).unref()
    const handover: Handover = { ticket, plugins: [...plugins], reads: new Map(reads), expiry }
    this.#live.add(ticket, handover)
    this.#waiting++
    return handover
  }

  /** Adds a plugin to an exchange whose request has not come yet. @returns false if there is none */
  join(ticket: string, plugin: PluginInstance, reads: ReadonlyMap<string, unknown>): boolean {
    const handover = this.waiting(ticket)
    if (!handover) return false
    // Kong repeats an event whose connection was lost, so the plugin may be there already.
    if (handover.plugins.every(({ name }) => name !== plugin.name)) handover.plugins.push(plugin)
    for (const [name, value] of reads) handover.reads.set(name, value)
    return true
  }

  /** The handover of a ticket whose request has not come yet: another plugin of the same request may join it. */
  waiting(ticket: string): Handover | undefined {
    const handover = this.#live.get(ticket)
    return handover?.expiry && handover
  }

  /** Uses a ticket up. `used`: it was live and is spent; undefined: there is no such ticket. */
  claim(ticket: string): Handover | 'used' | undefined {
    const handover = this.#live.get(ticket)
    if (!handover) return this.#ended.get(ticket) === undefined ? undefined : 'used'
    return this.#waitsNoMore(handover) ? handover : 'used'
  }

  /** The exchange is over and waits for nothing more. */
  end({ ticket, entry }: Handover): void {
    this.#live.take(ticket)
    this.#ended.set(ticket, entry !== undefined)
    this.#onOver?.()
  }

  /**
   * Kong's log event came, once for each plugin that was handed over.
   *
   * @returns false if no exchange of this process has use for it
   */
  log(ticket: string, entry: Record<string, unknown>): boolean {
    this.#expire(ticket)
    const handover = this.#live.get(ticket)
    if (!handover) return this.#ended.get(ticket) ?? false
    handover.entry ??= entry
    handover.onEntry?.()
    return true
  }

  /** Those whose request has come. */
  claimed(): Handover[] {
    return this.#live.values().filter(({ expiry }) => expiry === undefined)
  }

  /** Resolves when no ticket waits for its request. */
  async settled(): Promise<void> {
    if (this.#waiting > 0) await new Promise<void>((resolve) => this.#settled.push(resolve))
  }

  #expire(ticket: string): void {
    const handover = this.#live.get(ticket)
    if (!handover || !this.#waitsNoMore(handover)) return
    this.#live.take(ticket)
    this.#onOver?.()
  }

  /** @returns false if it did not wait before */
  #waitsNoMore(handover: Handover): boolean {
    if (!handover.expiry) return false
    clearTimeout(handover.expiry)
    handover.expiry = undefined
    this.#waiting--
    if (this.#waiting === 0) for (const resolve of this.#settled.splice(0)) resolve()
    return true
  }
}
