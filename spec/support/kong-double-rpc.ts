import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { decodeMultiStream, encode } from '@msgpack/msgpack'

/** A connection to a plugin server, as raw as a spec wants it. */
export class RpcPeer {
  readonly #arrived: unknown[] = []
  readonly #waiting: { resolve: (message: unknown) => void; reject: (error: Error) => void }[] = []
  readonly closed: Promise<void>
  #open = true

  private constructor(readonly socket: Socket) {
    this.closed = this.#read()
  }

  static async connect(path: string): Promise<RpcPeer> {
    const socket = connect(path)
    await once(socket, 'connect')
    return new RpcPeer(socket)
  }

  /** Messages that have come and that nobody has asked for. */
  get arrived(): readonly unknown[] {
    return this.#arrived
  }

  get open(): boolean {
    return this.#open
  }

  send(bytes: Uint8Array): void {
    this.socket.write(bytes)
  }

  /** Sends a request without waiting for its answer. */
  ask(id: number, method: string, argument: unknown): void {
    this.send(encode([0, id, `plugin.${method}`, [argument]]))
  }

  /** The next message; rejects if the connection closes first. */
  next(): Promise<unknown> {
    if (this.#arrived.length > 0) return Promise.resolve(this.#arrived.shift())
    if (!this.#open) return Promise.reject(new Error('connection closed'))
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
  }

  close(): void {
    this.socket.destroy()
  }

  async #read(): Promise<void> {
    try {
      for await (const message of decodeMultiStream(this.socket)) {
        const waiter = this.#waiting.shift()
        if (waiter === undefined) this.#arrived.push(message)
        else waiter.resolve(message)
      }
    } catch {
      // Closed from either side: said below.
    }
    this.#open = false
    this.socket.destroy()
    for (const { reject } of this.#waiting.splice(0)) reject(new Error('connection closed'))
  }
}

/** An error that the plugin server answered. */
export class AnsweredError extends Error {}

/** Kong gave up waiting, or lost the connection. */
export class NoAnswer extends Error {}

/** One nginx worker's way to a plugin server: a pool of connections with one RPC in flight each (kong/runloop/plugin_servers/rpc/mp_rpc.lua). */
export class RpcWorker {
  readonly #pool: RpcPeer[] = []
  #messageId = 0

  constructor(
    private readonly path: string,
    private readonly readTimeoutMs: number,
  ) {}

  async call(method: string, argument: unknown): Promise<unknown> {
    const peer = await this.#take()
    const id = ++this.#messageId
    peer.ask(id, method, argument)
    const answer = await this.#within(peer)
    if (!Array.isArray(answer) || answer[0] !== 1 || answer[1] !== id) {
      peer.close()
      throw new NoAnswer('unexpected RPC response ID from plugin server')
    }
    await this.#keep(peer)
    if (answer[2] !== null) throw new AnsweredError(String(answer[2]))
    return answer[3]
  }

  close(): void {
    for (const peer of this.#pool.splice(0)) peer.close()
  }

  /** nginx looks whether the connection has ended with the answer before it keeps it; here that takes another turn of the loop. */
  async #keep(peer: RpcPeer): Promise<void> {
    for (let turn = 0; turn < 2; turn++) await setImmediate()
    if (peer.open) this.#pool.push(peer)
  }

  async #take(): Promise<RpcPeer> {
    for (let peer = this.#pool.pop(); peer !== undefined; peer = this.#pool.pop()) {
      // What arrives on an idle connection makes nginx drop it from the pool.
      if (peer.open && peer.arrived.length === 0) return peer
      peer.close()
    }
    try {
      return await RpcPeer.connect(this.path)
    } catch (error) {
      throw new NoAnswer('no plugin server', { cause: error })
    }
  }

  async #within(peer: RpcPeer): Promise<unknown> {
    let timer: NodeJS.Timeout | undefined
    const timeout = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        this.#pool.push(peer)
        reject(new NoAnswer('no data'))
      }, this.readTimeoutMs)
    })
    try {
      return await Promise.race([peer.next(), timeout])
    } catch (error) {
      throw error instanceof NoAnswer ? error : new NoAnswer('no data', { cause: error })
    } finally {
      clearTimeout(timer)
    }
  }
}
