import type { Socket } from 'node:net'
import type { AttemptFailure, Timeouts } from '../../pdk/exchange.js'
import { letGo } from '../../pdk/held-bytes.js'
import { failureOf } from './failure.js'
import { keepAliveTime } from './keep-alive.js'
import type { RequestMessage } from './request-message.js'
import type { ResponseHead } from './response-head.js'
import { ResponseParser } from './response-parser.js'
import { openSocket, READ_BUFFER, readOn, type Address } from './socket.js'
import { TimeLimit } from './time-limit.js'
import { arrivedBody, Upload } from './upload.js'

/**
 * Which requests may be sent again that came to nothing on a connection: any, since the server has seen nothing of it; none; or
 * only those that may be done twice, since a kept connection closed before any answer came. That is most often the server's
 * time limit, which the request has crossed on the way, but nobody can know (RFC 9110 §9.2.2).
 */
export type Again = 'any' | 'idempotent' | 'none'

/** Who a connection works for. Hears `onReady`, then of the answer, then one of `onComplete` and `onFault`, and nothing after it. */
export interface Caller {
  /** The connection takes the request now. */
  onReady(connection: Connection): void
  onHead(head: ResponseHead): void
  onBody(bytes: Buffer): void
  onComplete(): void
  onFault(failure: AttemptFailure, again: Again): void
}

/** Who has the connections. */
export interface ConnectionOwner {
  /** The connection is free for another request. */
  onIdle(connection: Connection): void
  onClosed(connection: Connection): void
}

/** `reserved`: it has a caller, whose request has not been written. */
type Phase = 'connecting' | 'reserved' | 'waiting' | 'answering' | 'idle' | 'closed'

const TIMEOUT_MESSAGES: Readonly<Partial<Record<Phase, string>>> = {
  connecting: 'Connect Timeout Error',
  waiting: 'Headers Timeout Error',
  answering: 'Body Timeout Error',
}

/** What Node writes of text without setting memory aside: up to there it is sooner copied than written in two pieces. Bytes. */
const MAX_COPIED = 16 * 1024

/**
 * One connection to an upstream, for one request after the other. A hot path: a read of the socket becomes at most one
 * `onBody`, in the same tick, without a stream or a promise between them.
 */
export class Connection {
  readonly #socket: Socket
  readonly #owner: ConnectionOwner
  readonly #parser = new ResponseParser()
  #phase: Phase = 'connecting'
  #caller: Caller | undefined
  #upload: Upload | undefined
  /** What it limits is told by the phase. */
  readonly #limit = new TimeLimit(this)
  #idleLimit = 0
  #reused = false
  #paused = false
  #persistent = false
  /** How long the connection may then be kept. Milliseconds. */
  #keepFor = 0

  /** @param connectTimeout milliseconds until it is there, all told; 0: no limit */
  constructor(address: Address, connectTimeout: number, caller: Caller, owner: ConnectionOwner) {
    this.#owner = owner
    this.#caller = caller
    this.#socket = openSocket(address, (length) => this.#onRead(length))
      .once(address.tls ? 'secureConnect' : 'connect', () => this.#onConnect())
      .on('drain', () => this.#onDrain())
      .on('end', () => this.#onEnd())
      .on('error', (error) => this.#onBreak(failureOf(error, this.#phase === 'connecting')))
      .on('close', () => this.#onBreak({ kind: 'closed', message: 'closed' }))
    this.#limit.begin(connectTimeout)
  }

  /** Takes it out of the idle ones. */
  reserve(caller: Caller): void {
    this.#caller = caller
    this.#phase = 'reserved'
    this.#reused = true
    this.#limit.begin(0)
    this.#socket.ref()
    // What the server has done in the meantime, closed it or sent what nobody asked for, is waiting to be read: that comes first.
    setImmediate(ready, this)
  }

  ready(): void {
    if (this.#phase === 'reserved') this.#caller!.onReady(this)
  }

  /**
   * Sends the request. It has been written, to the socket, when this returns, but for a body that is streamed. Its body is let go
   * when the system has it. Head and body go to the system in one write, as one costs more than all that is done here.
   */
  send({ method, head, body: given, length, persistent }: RequestMessage, { headers, idle }: Timeouts): void {
    const body = arrivedBody(given, length)
    const socket = this.#socket
    this.#phase = 'waiting'
    this.#idleLimit = idle
    this.#persistent = persistent
    this.#parser.begin(method)
    if (body === undefined) {
      socket.write(head, 'latin1')
    } else if (Buffer.isBuffer(body) && head.length + body.length <= MAX_COPIED) {
      socket.write(head + body.toString('latin1'), 'latin1')
      letGo(body)
    } else if (Buffer.isBuffer(body)) {
      socket.cork()
      socket.write(head, 'latin1')
      socket.write(body, () => letGo(body))
      socket.uncork()
    } else {
      readOn(socket)
      socket.cork()
      socket.write(head, 'latin1')
      this.#upload = new Upload(body, socket, length, (fault) => this.#onUploaded(fault))
      // What has come of the body already is written in the meantime.
      process.nextTick(uncork, socket)
    }
    this.#limit.begin(headers)
  }

  /** Stops reading. The time limits of an answer do not count until `resume`. */
  pause(): void {
    if (this.#paused || this.#phase === 'closed') return
    this.#paused = true
    // A handshake must be read.
    if (this.#phase !== 'connecting') this.#socket.pause()
  }

  resume(): void {
    if (!this.#paused || this.#phase === 'closed') return
    this.#paused = false
    if (this.#phase === 'connecting') return
    this.#limit.again()
    this.#socket.resume()
  }

  /** A part of the request has yet to come: it cannot be kept. */
  get isUploading(): boolean {
    return this.#upload !== undefined
  }

  /** At once; the caller hears nothing more. */
  close(): void {
    if (this.#phase === 'closed') return
    this.#phase = 'closed'
    this.#caller = undefined
    this.#limit.stop()
    this.#upload?.stop()
    this.#upload = undefined
    this.#socket.destroy()
    this.#owner.onClosed(this)
  }

  /** Closes it; the caller hears that. */
  fail(failure: AttemptFailure, again: Again = 'none'): void {
    const caller = this.#caller
    this.close()
    caller?.onFault(failure, again)
  }

  /** The time limit has passed. */
  expire(): void {
    const phase = this.#phase
    // It is the client that is slow.
    const isUploading = phase === 'waiting' && this.#upload && !this.#socket.writableNeedDrain
    if (phase === 'idle') this.close()
    else if (isUploading) this.#limit.again()
    else if (phase === 'connecting' || !this.#paused) {
      this.fail({ kind: 'timeout', message: TIMEOUT_MESSAGES[phase] ?? '' })
    }
  }

  #onConnect(): void {
    if (this.#phase !== 'connecting') return
    this.#phase = 'reserved'
    this.#limit.begin(0)
    if (this.#paused) this.#socket.pause()
    this.#caller!.onReady(this)
  }

  #onRead(length: number): void {
    const caller = this.#caller
    if (this.#phase !== 'waiting' && this.#phase !== 'answering') {
      this.#onBreak({ kind: 'closed', message: 'the upstream sent what nobody had asked for' })
      return
    }
    const parser = this.#parser
    parser.read(READ_BUFFER, length)
    try {
      this.#deliver(caller!, parser)
    } catch (error) {
      this.fail({ kind: 'closed', message: (error as Error).message })
    }
  }

  /** The caller may close the connection in each of its methods. */
  #deliver(caller: Caller, parser: ResponseParser): void {
    const { head, body, fault } = parser
    // Kept, it would hold a stream's last piece, and the memory that this shares with others, while nothing more comes.
    parser.body = undefined
    if (head) {
      this.#phase = 'answering'
      this.#keepFor = head.persistent ? keepAliveTime(head.headers['keep-alive']) : 0
      caller.onHead(head)
    }
    if (body && this.#caller === caller) caller.onBody(body)
    if (this.#caller !== caller) return
    if (fault !== undefined) this.fail({ kind: 'closed', message: fault })
    else if (parser.complete) this.#complete(caller)
    else if (head) this.#limit.begin(this.#idleLimit)
    // Of a head only a whole one counts, which may be an informational one.
    else if (body || parser.informed) this.#limit.again()
  }

  #complete(caller: Caller): void {
    // An answer that did not wait for its request leaves the rest of that behind.
    const isSent = !this.#upload && this.#socket.writableLength === 0
    if (this.#keepFor > 0 && this.#persistent && isSent && !this.#parser.surplus) {
      this.resume()
      this.#caller = undefined
      this.#phase = 'idle'
      this.#socket.unref()
      this.#limit.begin(this.#keepFor)
      this.#owner.onIdle(this)
    } else {
      this.close()
    }
    caller.onComplete()
  }

  /** The server has closed its side: the end of an answer without a length, the loss of any other. */
  #onEnd(): void {
    // A reset, which `error` tells of.
    if (this.#socket.destroyed) return
    if (this.#phase === 'answering') {
      this.#keepFor = 0
      this.#parser.end()
      if (this.#parser.complete) {
        this.#complete(this.#caller!)
        return
      }
    }
    this.#onBreak({ kind: 'closed', message: 'other side closed' })
  }

  #onBreak(failure: AttemptFailure): void {
    if (this.#phase === 'closed') return
    let again: Again = 'none'
    if (this.#phase === 'reserved') again = 'any'
    else if (this.#phase === 'waiting' && this.#reused && !this.#parser.begun) again = 'idempotent'
    const wasThere = this.#phase !== 'connecting' || failure.kind !== 'closed'
    this.fail(wasThere ? failure : { kind: 'connect', message: failure.message }, again)
  }

  #onDrain(): void {
    this.#upload?.drained()
    if (this.#phase === 'waiting') this.#limit.again()
  }

  #onUploaded(fault: string | undefined): void {
    this.#upload = undefined
    if (fault !== undefined) this.fail({ kind: 'closed', message: fault })
    else if (this.#phase === 'waiting') this.#limit.again()
  }
}

/** Functions for all connections: no closure a request. */
function ready(connection: Connection): void {
  connection.ready()
}

function uncork(socket: Socket): void {
  socket.uncork()
}
