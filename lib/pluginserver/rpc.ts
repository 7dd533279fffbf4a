import type { Socket } from 'node:net'
import type { Logger } from '../pdk/method.js'
import { encodeMessage, Framer } from './framing.js'

/** An error whose text Kong may read: it lands in Kong's log and decides what Kong does. */
export class RpcError extends Error {
  override name = 'RpcError'
}

/** What is called by a method's name without `plugin.`. Answers through `call`, at once or later. */
export type Dispatch = (method: string, argument: unknown, call: RpcCall) => void

export interface RpcOptions {
  /** Past this age of an RPC Kong has stopped waiting and its connection may serve another request. Milliseconds. */
  readonly kongLimitMs: number
  readonly log: Logger
}

const REQUEST = 0
const RESPONSE = 1
const NAMESPACE = 'plugin.'

/** One RPC of Kong's, to be answered once on the connection it came on: `[1, id, error, result]`. */
export class RpcCall {
  readonly receivedAt = performance.now()
  /** Called if nobody waits for the answer any more: the connection has closed, or Kong uses it for another RPC. */
  onAbandon: (() => void) | undefined

  constructor(
    private readonly connection: Pick<RpcConnection, 'write'>,
    readonly id: number,
  ) {}

  /**
   * `last`: Kong needs nothing more of what it asked about, so a closing server may let the connection go.
   * Throws if the result has no form in MessagePack; the call is then still open.
   */
  answer(result: unknown, last = true): void {
    this.connection.write(this, encodeMessage([RESPONSE, this.id, null, result]), last)
  }

  fail(message: string): void {
    this.connection.write(this, encodeMessage([RESPONSE, this.id, message, null]), true)
  }
}

/** A connection of Kong's. Kong keeps them in a pool, each with one RPC in flight. */
export class RpcConnection {
  readonly #framer = new Framer()
  /** One, as a rule. */
  readonly #open: RpcCall[] = []
  #closing = false

  constructor(
    private readonly socket: Socket,
    private readonly dispatch: Dispatch,
    private readonly options: RpcOptions,
  ) {
    socket.on('data', (read) => this.#read(read))
    socket.on('error', (error) => options.log.debug({ err: error }, 'RPC connection failed'))
    socket.on('close', () => this.#abandonOpen())
  }

  /**
   * Ends the connection with the next answer that is an event's last one, or once Kong has left it unused for `quietMs`: closed
   * at any other time it might be the one that Kong takes from its pool just then, and that request would pass.
   */
  closeWhenAnswered(quietMs: number): void {
    this.#closing = true
    this.socket.setTimeout(quietMs, () => this.#open.length === 0 && this.close())
  }

  /**
   * Closes the connection behind what has been written to it. In the same tick, as a rule: with an answer Kong looks for the end
   * as well, before it keeps the connection for another RPC.
   */
  close(): void {
    if (this.socket.writableLength === 0) this.socket.destroy()
    else this.socket.destroySoon()
  }

  write(call: RpcCall, bytes: Uint8Array, last: boolean): void {
    const place = this.#open.indexOf(call)
    if (place < 0) return
    this.#open.splice(place, 1)
    if (performance.now() - call.receivedAt > this.options.kongLimitMs) {
      // A late answer would be taken for that of the request which has the connection by now.
      this.options.log.warn({ rpc: call.id }, 'RPC took longer than Kong waits: connection closed')
      this.socket.destroy()
      return
    }
    this.socket.write(bytes)
    if (last && this.#closing) this.close()
  }

  #read(read: Buffer): void {
    let messages: unknown[]
    try {
      messages = this.#framer.push(read)
    } catch (error) {
      this.#reject(error)
      return
    }
    // Kong asks again on a connection only when it has its answer or has given up waiting for it.
    if (messages.length > 0) this.#abandonOpen()
    for (const message of messages) this.#receive(message)
  }

  #receive(message: unknown): void {
    if (!isRequest(message)) {
      this.#reject(new RpcError('not an RPC request'))
      return
    }
    const [, id, method, args] = message
    const call = new RpcCall(this, id)
    this.#open.push(call)
    try {
      if (!method.startsWith(NAMESPACE)) throw new RpcError(`RPC ${method} is not supported`)
      this.dispatch(method.slice(NAMESPACE.length), args[0], call)
    } catch (error) {
      call.fail(this.#failure(method, error))
    }
  }

  #failure(method: string, error: unknown): string {
    if (error instanceof RpcError) {
      this.options.log.warn({ method, reason: error.message }, 'RPC refused')
      return error.message
    }
    this.options.log.error({ method, err: error }, 'RPC failed')
    return 'internal error'
  }

  #reject(error: unknown): void {
    this.options.log.warn({ err: error }, 'RPC connection closed: what came on it is no RPC')
    this.socket.destroy()
  }

  #abandonOpen(): void {
    for (const call of this.#open) call.onAbandon?.()
    this.#open.length = 0
  }
}

function isRequest(message: unknown): message is [0, number, string, unknown[]] {
  return (
    Array.isArray(message) &&
    message[0] === REQUEST &&
    typeof message[1] === 'number' &&
    typeof message[2] === 'string' &&
    Array.isArray(message[3])
  )
}
