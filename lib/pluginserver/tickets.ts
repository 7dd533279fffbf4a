import { randomBytes } from 'node:crypto'
import type { PluginInstance } from '../runtime/chain.js'

/** The header by which a request finds its exchange. */
export const TICKET_HEADER = 'x-relay-ticket'

/** 192 bits: nobody guesses one. */
const TICKET_BYTES = 24

/** How long a ticket waits for its request. Milliseconds. */
const UNCLAIMED_MS = 60_000

/** A request that Kong is about to send to the relay: which plugins run there, and what was read for them over RPC. */
export interface Handover {
  readonly ticket: string
  /** In the order in which Kong runs them. */
  readonly plugins: PluginInstance[]
  /** Values of the declared reads, by their names: `router.getService`. */
  readonly reads: Map<string, unknown>
  /** Kong's log entry, once its log event came. */
  entry?: Record<string, unknown>
  /** Somebody waits for the entry. */
  onEntry?: () => void
}

/** The tickets of this process. One is good for one request: what comes with it afterwards is told so. */
export class Tickets {
  readonly #waiting = new Map<string, { handover: Handover; timer: NodeJS.Timeout }>()
  readonly #claimed = new Map<string, Handover>()

  constructor(private readonly unclaimedMs = UNCLAIMED_MS) {}

  /** How many are live, claimed or not. */
  get size(): number {
    return this.#waiting.size + this.#claimed.size
  }

  issue(): Handover {
    const ticket = randomBytes(TICKET_BYTES).toString('base64url')
    const handover: Handover = { ticket, plugins: [], reads: new Map() }
    const timer = setTimeout(() => this.#waiting.delete(ticket), this.unclaimedMs).unref()
    this.#waiting.set(ticket, { handover, timer })
    return handover
  }

  /** The handover of a ticket whose request has not come yet: another plugin of the same request may join it. */
  waiting(ticket: string): Handover | undefined {
    return this.#waiting.get(ticket)?.handover
  }

  /** Uses a ticket up. `used`: it was live and is spent; undefined: there is no such ticket. */
  claim(ticket: string): Handover | 'used' | undefined {
    if (this.#claimed.has(ticket)) return 'used'
    const found = this.#waiting.get(ticket)
    if (!found) return undefined
    this.#forget(ticket, found.timer)
    this.#claimed.set(ticket, found.handover)
    return found.handover
  }

  /** The exchange is over and logged. */
  end(ticket: string): void {
    this.#claimed.delete(ticket)
  }

  /**
   * Kong's log event came. An unclaimed ticket ends with it: its request has been answered by somebody else.
   *
   * @returns false if no exchange of this process waits for the entry
   */
  log(ticket: string, entry: Record<string, unknown>): boolean {
    const waiting = this.#waiting.get(ticket)
    if (waiting) this.#forget(ticket, waiting.timer)
    const handover = this.#claimed.get(ticket)
    if (!handover) return false
    handover.entry ??= entry
    handover.onEntry?.()
    return true
  }

  #forget(ticket: string, timer: NodeJS.Timeout): void {
    clearTimeout(timer)
    this.#waiting.delete(ticket)
  }
}
