import type { ServerResponse } from 'node:http'
import { endToEndHeaders } from '../pdk/headers.js'
import type { LiveExchange } from './exchange.js'
import { SERVER_TOKEN } from './kong-answers.js'

/** The client's side of an exchange: what is written here is on its way in the same tick. */
export class Downstream {
  readonly #x: LiveExchange
  readonly #out: ServerResponse

  /**
   * @param edge whether the client itself is on the other side, and not a Kong
   * @param onClose runs once, when the answer is out or the client is gone (`x.clientGone`)
   */
  constructor(
    x: LiveExchange,
    out: ServerResponse,
    private readonly edge: boolean,
    onDrain: () => void,
    onClose: () => void,
  ) {
    this.#x = x
    this.#out = out
    out.on('drain', onDrain)
    const { socket } = out.req
    let delivered = false
    // Node calls an answer finished, too, whose last bytes a broken connection has thrown away.
    out.once('finish', () => (delivered = !socket.destroyed))
    out.once('close', () => {
      x.clientGone = !delivered
      if (x.clientGone && x.aborted === undefined) {
        x.aborted = out.errored?.message ?? 'the client went away'
        x.abandoned = out.errored ? 'limit' : 'client'
      }
      onClose()
    })
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
    const headers = endToEndHeaders(response.headers)
    response.headers = headers
    if (!this.#out.req.complete) this.#leaveRequest()
    const bodyless = this.#out.req.method === 'HEAD' || BODYLESS.has(response.status)
    if (length !== undefined && !bodyless) headers['content-length'] = String(length)
    if (this.edge) this.#sayWhoAnswered()
    // A Kong in front would buffer the answer, and take in any amount of it for a slow client.
    else headers['x-accel-buffering'] = 'no'
    this.#out.writeHead(response.status, headers)
  }

  /** Kept open, the connection takes in the rest of a request that nobody reads: Kong has it all and is trusted with that. */
  #leaveRequest(): void {
    if (this.edge) this.#x.response.headers['connection'] = 'close'
    else this.#out.once('finish', () => this.#out.req.resume())
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
  write(bytes: Buffer | string): boolean {
    this.#x.bytesOut += bytes.length
    return this.#out.write(bytes)
  }

  end(): void {
    this.#out.end()
  }

  /** Breaks the connection off, once what was written is out: the only way to say that a committed answer is not whole. */
  breakOff(): void {
    this.#x.aborted ??= 'the answer broke off'
    this.#out.socket?.destroySoon()
  }
}

/** Statuses whose answer has no body (RFC 9110 §6.4.1). */
const BODYLESS = new Set([204, 304])
