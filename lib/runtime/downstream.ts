import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { onlyEndToEnd } from '../pdk/headers.js'
import type { LiveExchange } from './exchange.js'
import { chunkOf, writeChunk } from './http-chunk.js'
import { SERVER_TOKEN } from './kong-answers.js'
import { lingerAtClose } from './lingering-close.js'

/** Who answers the client. */
export interface DownstreamOwner {
  /** The client takes more. */
  onDrain(): void
  /** Once: the answer is out or the client is gone (`x.clientGone`). */
  onClose(): void
}

/** The client's side of an exchange: what is written here is on its way in the same tick. */
export class Downstream {
  readonly #x: LiveExchange
  readonly #out: ServerResponse
  /** Something of the body has been written, and so the head. */
  #isUnderWay = false
  #awaitsDrain = false
  #isDelivered = false

  /** @param edge whether the client itself is on the other side, and not a Kong */
  constructor(
    x: LiveExchange,
    out: ServerResponse,
    private readonly edge: boolean,
    private readonly owner: DownstreamOwner,
  ) {
    this.#x = x
    this.#out = out
    // Both come once.
    out.on('finish', () => this.#onFinish())
    out.on('close', () => this.#onClose())
  }

  /** Node calls an answer finished, too, whose last bytes a broken connection has thrown away. */
  #onFinish(): void {
    this.#isDelivered = !this.#out.req.socket.destroyed
  }

  #onClose(): void {
    const x = this.#x
    x.clientGone = !this.#isDelivered
    if (x.clientGone && x.aborted === undefined) {
      const { errored } = this.#out
      x.aborted = errored?.message ?? 'the client went away'
      x.abandoned = errored ? 'limit' : 'client'
    }
    this.owner.onClose()
  }

  /** Nobody reads any more. */
  get closed(): boolean {
    return this.#out.destroyed
  }

  /**
   * Sends status and headers, once.
   *
   * @param length the whole body's bytes, where they are known
   */
  commit(length?: number): void {
    const { response, timings } = this.#x
    if (response.committed) return
    response.committed = true
    timings.headers ||= performance.now()
    const headers = onlyEndToEnd(response.headers)
    response.headers = headers
    if (this.#x.request.body !== null && !this.#out.req.complete) this.#leaveRequest()
    const bodyless = this.#out.req.method === 'HEAD' || BODYLESS.has(response.status)
    if (length !== undefined && !bodyless) headers['content-length'] = String(length)
    if (this.edge) this.#sayWhoAnswered()
    // A Kong in front would buffer the answer, and take in any amount of it for a slow client.
    else headers['x-accel-buffering'] = 'no'
    this.#out.writeHead(response.status, headers)
  }

  /** Kept open, the connection takes in the rest of a request that nobody reads: as much as a client may say that it is, and all of Kong's. */
  #leaveRequest(): void {
    const { headers } = this.#out.req
    if (!this.edge) this.#out.once('finish', () => this.#out.req.resume())
    else if (!(Number(headers['content-length']) <= MAX_LEFT)) {
      this.#x.response.headers['connection'] = 'close'
      // Before Node's own listener, which closes. An answer that breaks off is closed at once.
      this.#out.prependOnceListener('finish', () => lingerAtClose(this.#out.req))
    }
  }

  /** Kong's own headers. */
  #sayWhoAnswered(): void {
    const { response, timings, id } = this.#x
    const { headers } = response
    headers['x-kong-request-id'] = id
    if (response.source === 'service') {
      headers['via'] = `1.1 ${SERVER_TOKEN}`
      headers['x-kong-upstream-latency'] = String(Math.round(timings.headers - timings.sent))
      headers['x-kong-proxy-latency'] = String(Math.round(timings.sent - timings.start))
    } else {
      headers['server'] = SERVER_TOKEN
      headers['x-kong-response-latency'] = String(Math.round(timings.headers - timings.start))
    }
  }

  /** @returns false if the client is slow: wait for `onDrain`. */
  write(bytes: Buffer): boolean {
    this.#x.bytesOut += bytes.length
    const socket = this.#chunkSocket(bytes)
    const flowing = socket ? writeChunk(socket, bytes) : this.#writeNow(bytes)
    if (!flowing && !this.#awaitsDrain) {
      this.#awaitsDrain = true
      ;(socket ?? this.#out).once('drain', () => {
        this.#awaitsDrain = false
        if (!this.closed) this.owner.onDrain()
      })
    }
    return flowing
  }

  /**
   * Node would put it off to the next tick, and call a large piece too much before the system has seen it: what follows from that, to
   * stop reading from the upstream and to begin again, costs more than the write.
   */
  #writeNow(bytes: Buffer): boolean {
    const out = this.#out
    const { socket } = out
    socket?.cork()
    const flowing = out.write(bytes)
    socket?.uncork()
    return flowing || out.writableLength === 0
  }

  /** @param bytes the last ones */
  end(bytes: Buffer): void {
    this.#x.bytesOut += bytes.length
    const socket = this.#chunkSocket(bytes)
    if (socket) {
      // Until `end` has written what closes the body: all in one go.
      socket.cork()
      socket.write(chunkOf(bytes))
      this.#out.end()
    } else if (bytes.length <= MAX_COPIED) {
      // Text is joined to the head: one piece less.
      this.#out.end(bytes.toString('latin1'), 'latin1')
    } else {
      this.#out.end(bytes)
    }
  }

  /**
   * A hot path: each frame of a stream. Node would write the three parts of an HTTP chunk as three pieces, and in the next
   * tick; once the head is out, a small one goes to the connection as one piece, at once.
   *
   * @returns the connection; undefined where the bytes are Node's to write
   */
  #chunkSocket({ length }: Buffer): Socket | undefined {
    const out = this.#out
    const { socket } = out
    const isFit = length > 0 && length <= MAX_COPIED && out.chunkedEncoding && this.#isUnderWay && socket
    this.#isUnderWay = true
    return isFit && socket.writable ? socket : undefined
  }

  /** Breaks the connection off, once what was written is out: the only way to say that a committed answer is not whole. */
  breakOff(): void {
    this.#x.aborted ??= 'the answer broke off'
    this.#out.socket?.destroySoon()
  }
}

/** How much is read of a request that has been answered before it was there, to keep its connection. Bytes. */
const MAX_LEFT = 64 * 1024

/** What is sooner copied than written in pieces. Bytes. */
const MAX_COPIED = 16 * 1024

/** Statuses whose answer has no body (RFC 9110 §6.4.1). */
const BODYLESS = new Set([204, 304])
