import { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'

/** A client's body that has come whole in the meantime, as most do, need not be streamed. */
export function arrivedBody(
  body: Buffer | Readable | undefined,
  length: number | undefined,
): Buffer | Readable | undefined {
  if (!(body instanceof IncomingMessage) || !body.complete || body.destroyed) return body
  if (body.readableLength !== length) return body
  // A length of `00` is said of nothing at all.
  return length === 0 ? undefined : (body.read() as Buffer)
}

/**
 * Streams a client's request body on, as fast as both sides go: with the length that the client declared, which must then be true, or in
 * chunks (RFC 9112 §7.1).
 */
export class Upload {
  readonly #body: Readable
  readonly #socket: Socket
  /** Bytes still to come; `undefined`: in chunks. */
  #left: number | undefined
  #over = false
  readonly #onEnd: (fault: string | undefined) => void

  /** @param onEnd runs once: when all of it is written, or with what is wrong with it */
  constructor(
    body: Readable,
    socket: Socket,
    length: number | undefined,
    onEnd: (fault: string | undefined) => void,
  ) {
    this.#body = body
    this.#socket = socket
    this.#left = length
    this.#onEnd = onEnd
    body
      .on('data', this.#onData)
      .on('end', this.#onBodyEnd)
      .on('close', this.#onClose)
      .on('error', this.#onClose)
    // The client may have gone while the connection was made.
    if (body.destroyed) queueMicrotask(this.#onClose)
    else body.resume()
  }

  /** The upstream has taken what was written. */
  drained(): void {
    this.#body.resume()
  }

  /** Nobody needs the rest. */
  stop(): void {
    this.#body.pause()
    this.#unlisten()
  }

  readonly #onData = (piece: Buffer): void => {
    const socket = this.#socket
    // As a chunk it would be the last one.
    if (piece.length === 0) return
    if (this.#left === undefined) {
      socket.cork()
      socket.write(`${piece.length.toString(16)}\r\n`, 'latin1')
      socket.write(piece)
      socket.write('\r\n', 'latin1')
      socket.uncork()
    } else {
      this.#left -= piece.length
      if (this.#left < 0) {
        this.#finish('the request body is longer than its content-length')
        return
      }
      socket.write(piece)
    }
    if (socket.writableNeedDrain) this.#body.pause()
  }

  readonly #onBodyEnd = (): void => {
    if (this.#left === undefined) this.#socket.write('0\r\n\r\n', 'latin1')
    this.#finish(this.#left ? 'the request body is shorter than its content-length' : undefined)
  }

  readonly #onClose = (): void => this.#finish('the client went away while its request body was sent on')

  #finish(fault: string | undefined): void {
    if (this.#over) return
    this.#unlisten()
    this.#onEnd(fault)
  }

  #unlisten(): void {
    this.#over = true
    this.#body
      .off('data', this.#onData)
      .off('end', this.#onBodyEnd)
      .off('close', this.#onClose)
      .off('error', this.#onClose)
  }
}
