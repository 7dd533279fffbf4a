import PDK from 'kong-pdk/pdk.js'
import type { Kong } from '../pdk/kong.js'
import type { Logger } from '../pdk/method.js'
import { firstId } from './ids.js'
import type { Instance } from './instances.js'
import { EXPIRED, FAILED, isExit, type PdkCall } from './pdk-call.js'
import { RpcError, type RpcCall } from './rpc.js'
import { ShortLived } from './short-lived.js'

/** How an event came to its end; all but the first two are no doing of the plugin's. */
export type Outcome = 'returned' | 'exited' | 'failed' | 'expired' | 'abandoned'

/** What is known of an event at its end, for metrics. */
export interface EventRecord {
  readonly plugin: string
  readonly phase: string
  /** RPCs that Kong made for it, the first one included. */
  readonly roundTrips: number
  readonly outcome: Outcome
}

/** Runs a phase. `kong` is kong-pdk's bridge: each call of it is one round trip. */
export type EventHandler = (kong: Kong, instance: Instance) => Promise<void> | void

export interface EventOptions {
  /** How long a plugin may take to answer an RPC, and Kong to come back with the value of a PDK call. */
  readonly deadlineMs: number
  readonly log: Logger
  onEnd?(record: EventRecord): void
}

const RETURN = 'ret'

/** Log events have no client left to answer: whatever happens there, they just end. */
const answersClient = (phase: string) => phase !== 'log'

/**
 * A phase of one request, run by a plugin while Kong asks for its next word: a PDK call to make, or `ret`. It is over when
 * the plugin has returned or exited, when it missed its deadline, or when nobody waits for its next word any more. What a plugin
 * says after that is not heard, and what it waits for does not come, as under kong-pdk.
 */
class PhaseEvent {
  /** What the plugin has said and Kong has not fetched. */
  readonly #said: (PdkCall | typeof RETURN)[] = []
  /** Who in the plugin waits for the value of a PDK call. */
  readonly #waiting: ((value: readonly [unknown, unknown]) => void)[] = []
  #owed: RpcCall | undefined
  #silent = false
  #over = false
  #failed = false
  #roundTrips = 0
  readonly #deadline: NodeJS.Timeout
  readonly #onAbandon = (): void => this.#end('abandoned')

  constructor(
    readonly id: number,
    private readonly phase: string,
    private readonly instance: Instance,
    private readonly options: EventOptions,
    private readonly onOver: (event: PhaseEvent) => void,
  ) {
    this.#deadline = setTimeout(() => this.expire(), options.deadlineMs).unref()
  }

  start(handler: EventHandler | undefined, call: RpcCall): void {
    this.#owe(call)
    // In a tick of its own, so that a synchronous plugin keeps no other connection's messages waiting.
    setImmediate(() => void this.#run(handler))
  }

  step(value: unknown, error: unknown, call: RpcCall): void {
    if (this.#owed !== undefined) throw new RpcError(`event #${this.id} is not waiting for a value`)
    this.#owe(call)
    this.#waiting.shift()?.([value, error])
  }

  async #run(handler: EventHandler | undefined): Promise<void> {
    if (this.#over) return
    try {
      if (handler === undefined) throw new Error(`plugin has no phase ${this.phase}`)
      await handler(this.#bridge(), this.instance)
    } catch (error) {
      this.#fail(error)
    }
    this.#say(RETURN)
  }

  #bridge(): Kong {
    const pipe = {
      put: (call: PdkCall) => this.#say(call),
      // A fresh promise each time: one that is shared and never settles would collect its waiters.
      get: () =>
        new Promise<readonly [unknown, unknown]>((resolve) => {
          if (!this.#silent) this.#waiting.push(resolve)
        }),
    }
    return new PDK(pipe).kong as Kong
  }

  #fail(error: unknown): void {
    const { phase, instance } = this
    this.options.log.error({ err: error, plugin: instance.name, phase }, 'plugin failed')
    if (this.#silent) return
    this.#failed = true
    if (answersClient(phase)) this.#say(FAILED)
  }

  #say(word: PdkCall | typeof RETURN): void {
    if (this.#silent) return
    this.#said.push(word)
    this.#silent = word === RETURN || isExit(word)
    this.#answer()
  }

  #owe(call: RpcCall): void {
    this.#roundTrips++
    this.#deadline.refresh()
    this.#owed = call
    call.onAbandon = this.#onAbandon
    this.#answer()
  }

  #answer(): void {
    if (this.#owed === undefined || this.#said.length === 0) return
    const word = this.#said.shift()!
    const ends = word === RETURN || isExit(word)
    const call = this.#owed
    this.#owed = undefined
    call.onAbandon = undefined
    try {
      call.answer({ Data: word, EventId: this.id }, ends)
    } catch (error) {
      this.#unspeakable(error, call)
      return
    }
    this.#deadline.refresh()
    if (ends) this.#end(this.#failed ? 'failed' : word === RETURN ? 'returned' : 'exited')
  }

  /** An argument of a PDK call has no form in MessagePack (a function, say). */
  #unspeakable(error: unknown, call: RpcCall): void {
    const { phase, instance } = this
    this.options.log.error({ err: error, plugin: instance.name, phase }, 'PDK call cannot be sent')
    call.answer({ Data: answersClient(phase) ? FAILED : RETURN, EventId: this.id })
    this.#end('failed')
  }

  /** Ends the event, with an answer for the client if Kong waits for one. */
  expire(): void {
    const { phase, instance } = this
    this.options.log.error({ plugin: instance.name, phase }, 'event missed its deadline')
    this.#owed?.answer({ Data: answersClient(phase) ? EXPIRED : RETURN, EventId: this.id })
    this.#end('expired')
  }

  #end(outcome: Outcome): void {
    if (this.#over) return
    this.#over = true
    this.#silent = true
    this.#owed = undefined
    this.#said.length = 0
    this.#waiting.length = 0
    clearTimeout(this.#deadline)
    this.onOver(this)
    const { phase, instance } = this
    this.options.onEnd?.({ plugin: instance.name, phase, roundTrips: this.#roundTrips, outcome })
  }
}

/** The events that are not over, by their ids. */
export class Events {
  readonly #live = new ShortLived<unknown, PhaseEvent>()
  #nextId = firstId()

  constructor(private readonly options: EventOptions) {}

  get size(): number {
    return this.#live.size
  }

  start(instance: Instance, phase: string, handler: EventHandler | undefined, call: RpcCall): void {
    const event = new PhaseEvent(this.#nextId++, phase, instance, this.options, ({ id }) =>
      this.#live.take(id),
    )
    this.#live.add(event.id, event)
    event.start(handler, call)
  }

  /** Kong comes back with the value of a PDK call. */
  step(id: unknown, value: unknown, error: unknown, call: RpcCall): void {
    const event = this.#live.get(id)
    // By these words Kong starts the event anew, so that one of another process's life, or a dropped one, does not pass.
    if (event === undefined) throw new RpcError(`no plugin instance for event #${String(id)}`)
    event.step(value, error, call)
  }

  expireAll(): void {
    for (const event of this.#live.values()) event.expire()
  }
}
