import type { ChildProcess } from 'node:child_process'
import type { Socket } from 'node:net'

/*
 * Parent and workers ask each other by name, with one plain value, for another plain value. What each understands is an
 * interface of methods; whoever holds a `Peer` of it calls them.
 */

/** What the method `F` is asked with. */
export type Argument<F> = F extends (argument: infer A, ...rest: never[]) => unknown ? A : never
/** What it gives. */
export type Value<F> = F extends (...all: never[]) => infer V ? Awaited<V> : never

interface Question {
  readonly name: string
  readonly argument: unknown
  /** Absent: nobody waits for the value. */
  readonly id?: number
}

interface Reply {
  readonly to: number
  readonly value?: unknown
  readonly error?: string
}

/** Either end of the channel of a forked process. */
type Port = ChildProcess | NodeJS.Process

interface Waiting {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

const EXIT_POLL_MS = 1

/** The other process is gone, and has not answered. */
export class PeerGone extends Error {
  override name = 'PeerGone'
  override message = 'the process is gone'
}

/** The process at the other end. It hears what it is asked and told in that order. */
export class Peer<Theirs extends object> {
  readonly #port: Port
  readonly #asked = new Map<number, Waiting>()
  #nextId = 1

  constructor(port: Port) {
    this.#port = port
    port.on('disconnect', () => this.#isGone())
    // A process that ends while it is given a socket does not disconnect: Node waits for a word of it.
    port.on('exit', () => this.#onExit())
  }

  /**
   * From now on this process hears the other one.
   *
   * @param mine what it can be asked for: functions by their names
   * @param onError is told of what a method throws that nobody waits for
   */
  answer(mine: object, onError: (error: unknown) => void): void {
    this.#port.on('message', (message: unknown, handle: unknown) => {
      const heard = message as Question | Reply
      if ('to' in heard) this.#settle(heard)
      else void this.#carryOut(mine, heard, handle as Socket | undefined, onError)
    })
  }

  /**
   * @param socket is given along. It stays open here, too: close it in any case
   * @throws Error with the words of what the other process threw; `PeerGone`
   */
  ask<K extends keyof Theirs & string>(
    name: K,
    argument: Argument<Theirs[K]>,
    socket?: Socket,
  ): Promise<Value<Theirs[K]>> {
    const id = this.#nextId++
    return new Promise<unknown>((resolve, reject) => {
      this.#asked.set(id, { resolve, reject })
      const onSent = (error: Error | null): void => {
        if (error && this.#asked.delete(id)) reject(new PeerGone())
      }
      this.#send({ name, argument, id }, onSent, socket)
    }) as Promise<Value<Theirs[K]>>
  }

  /** As `ask`, of what nobody waits for. A process that is gone does not hear it. */
  tell<K extends keyof Theirs & string>(name: K, argument: Argument<Theirs[K]>): void {
    this.#send({ name, argument }, () => {})
  }

  #send(message: Question | Reply, onSent: (error: Error | null) => void, socket?: Socket): void {
    if (this.#port.connected) this.#port.send!(message, socket, { keepOpen: true }, onSent)
    else onSent(new PeerGone())
  }

  /** What it said before its end may not have been read yet. */
  #onExit(): void {
    if (this.#port.connected) setTimeout(() => this.#onExit(), EXIT_POLL_MS)
    else this.#isGone()
  }

  #isGone(): void {
    for (const { reject } of this.#asked.values()) reject(new PeerGone())
    this.#asked.clear()
  }

  #settle({ to, value, error }: Reply): void {
    const asked = this.#asked.get(to)
    this.#asked.delete(to)
    if (error === undefined) asked?.resolve(value)
    else asked?.reject(new Error(error))
  }

  async #carryOut(
    mine: object,
    { name, argument, id }: Question,
    socket: Socket | undefined,
    onError: (error: unknown) => void,
  ): Promise<void> {
    const reply = (answer: Omit<Reply, 'to'>): void => {
      if (id !== undefined) this.#send({ to: id, ...answer }, () => {})
    }
    try {
      const method = (mine as Record<string, (argument: unknown, socket?: Socket) => unknown>)[name]!
      reply({ value: await method(argument, socket) })
    } catch (error) {
      if (id === undefined) onError(error)
      reply({ error: error instanceof Error ? error.message : String(error) })
    }
  }
}
