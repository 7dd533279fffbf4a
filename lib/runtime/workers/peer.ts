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
  resolve(value: unknown): void
  reject(error: Error): void
}

/** The other process is gone. */
export class PeerGone extends Error {
  override name = 'PeerGone'
  override message = 'the process is gone'
}

/** The process at the other end. It hears what it is asked and told in that order. */
export class Peer<Theirs extends object> {
  readonly #port: Port
  readonly #asked = new Map<number, Waiting>()
  /** Of sockets that wait for their turn: one is under way at a time. */
  readonly #handing = new Set<Waiting>()
  #nextId = 1

  constructor(port: Port) {
    this.#port = port
    port.on('disconnect', () => {
      for (const waiting of [...this.#asked.values(), ...this.#handing]) waiting.reject(new PeerGone())
      this.#asked.clear()
      this.#handing.clear()
    })
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

  /** @throws Error with the words of what the other process threw; `PeerGone` */
  ask<K extends keyof Theirs & string>(name: K, argument: Argument<Theirs[K]>): Promise<Value<Theirs[K]>> {
    const id = this.#nextId++
    return new Promise<unknown>((resolve, reject) => {
      this.#asked.set(id, { resolve, reject })
      this.#send({ name, argument, id }, (error) => {
        if (error && this.#asked.delete(id)) reject(new PeerGone())
      })
    }) as Promise<Value<Theirs[K]>>
  }

  /** As `ask`, of what nobody waits for. A process that is gone does not hear it. */
  tell<K extends keyof Theirs & string>(name: K, argument: Argument<Theirs[K]>): void {
    this.#send({ name, argument }, () => {})
  }

  /**
   * Gives a connection away. Resolves when it is this process's no more.
   *
   * @throws PeerGone where the connection still is this process's
   */
  hand(name: keyof Theirs & string, socket: Socket): Promise<void> {
    return new Promise<unknown>((resolve, reject) => {
      const waiting = { resolve, reject }
      this.#handing.add(waiting)
      this.#send(
        { name, argument: null },
        (error) => {
          this.#handing.delete(waiting)
          if (error) reject(new PeerGone())
          else resolve(undefined)
        },
        socket,
      )
    }) as Promise<void>
  }

  #send(message: Question | Reply, onSent: (error: Error | null) => void, socket?: Socket): void {
    if (this.#port.connected) this.#port.send!(message, socket, {}, onSent)
    else onSent(new PeerGone())
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
