import type { Readable, Transform } from 'node:stream'
import type { AttemptFailure, UpstreamRequest } from '../pdk/exchange.js'
import type { HeaderRecord } from '../pdk/headers.js'
import { firstHeader } from '../pdk/headers.js'
import { hold } from '../pdk/held-bytes.js'
import { contentDecoder, type CreateDecoder } from './decoding.js'
import type { Again, Caller, Connection } from './http1/connection.js'
import { Pool } from './http1/pool.js'
import { isRepeatable, requestMessage, type RequestMessage } from './http1/request-message.js'
import type { ResponseHead } from './http1/response-head.js'

/** Who hears of an upstream's answer: headers, data in order, then one of `onEnd` and `onFailure`, and nothing after it. */
export interface UpstreamHandler {
  onHeaders(status: number, headers: HeaderRecord): void
  onData(bytes: Buffer): void
  onEnd(): void
  onFailure(failure: AttemptFailure): void
}

/** How much of an answer that nobody needs any more is read to keep its connection, and for how long. */
const RELEASE_BYTES = 64 * 1024
const RELEASE_MS = 1000

/** Pooled keep-alive connections to upstreams. */
export class Upstreams {
  readonly #pool = new Pool()

  /**
   * Sends a request. Headers of one connection and those of a body's framing are set here.
   *
   * @param body streamed, it has the length that the request's headers say
   * @param decode undo the answer's content coding, and take `content-encoding` and `content-length` out of its headers.
   */
  send(
    request: UpstreamRequest,
    body: Buffer | string | Readable | null,
    handler: UpstreamHandler,
    decode: boolean,
  ): UpstreamLeg {
    const leg = new UpstreamLeg(this.#pool, request, handler, decode)
    leg.start(body)
    return leg
  }

  async close(): Promise<void> {
    this.#pool.close()
  }
}

/** One request to an upstream with its answer: a hot path, which the connection calls directly, without streams or promises. */
export class UpstreamLeg implements Caller {
  readonly #pool: Pool
  readonly #request: UpstreamRequest
  readonly #handler: UpstreamHandler
  readonly #decode: boolean
  /** Kept until the answer begins: it may have to be sent again. */
  #message: RequestMessage | undefined
  #connection: Connection | undefined
  #createDecoder: CreateDecoder | undefined
  #decoder: Transform | undefined
  #state: 'open' | 'released' | 'over' = 'open'
  #paused = false
  #releaseBudget = RELEASE_BYTES
  #releaseTimer: NodeJS.Timeout | undefined

  constructor(pool: Pool, request: UpstreamRequest, handler: UpstreamHandler, decode: boolean) {
    this.#pool = pool
    this.#request = request
    this.#handler = handler
    this.#decode = decode
  }

  start(body: Buffer | string | Readable | null): void {
    try {
      this.#message = requestMessage(this.#request, body)
      holdBody(this.#message)
      this.#connection = this.#pool.connect(this.#request, this, false)
    } catch (error) {
      // What no HTTP message may hold, no port: told like every other failure, later.
      queueMicrotask(() => this.#fail({ kind: 'closed', message: (error as Error).message }))
    }
  }

  /** Stops reading, so that the upstream stops sending. */
  pause(): void {
    this.#paused = true
    this.#connection?.pause()
    this.#decoder?.pause()
  }

  resume(): void {
    this.#paused = false
    this.#decoder?.resume()
    if (!this.#decoder?.writableNeedDrain) this.#connection?.resume()
  }

  /** Closes the connection at once; the handler hears nothing more. */
  abort(): void {
    const connection = this.#connection
    this.#over()
    connection?.close()
  }

  /** Nobody needs the rest. The connection is kept if an answer under way ends soon, else closed; the handler hears nothing more. */
  release(): void {
    if (this.#state !== 'open') return
    const hasBegun = this.#message === undefined
    if (!this.#connection || !hasBegun || this.#connection.isUploading) {
      this.abort()
      return
    }
    this.#state = 'released'
    this.#decoder?.destroy()
    this.#decoder = undefined
    this.#connection.resume()
    this.#releaseTimer = setTimeout(() => this.abort(), RELEASE_MS).unref()
  }

  onReady(connection: Connection): void {
    connection.send(this.#message!, this.#request.timeouts)
  }

  onHead({ status, headers }: ResponseHead): void {
    this.#message = undefined
    if (this.#state !== 'open') return
    if (this.#decode) {
      try {
        this.#createDecoder = contentDecoder(firstHeader(headers, 'content-encoding'))
      } catch (error) {
        this.#fail({ kind: 'rejected', status: 502, message: (error as Error).message })
        return
      }
      if (this.#createDecoder) {
        delete headers['content-encoding']
        delete headers['content-length']
      }
    }
    this.#handler.onHeaders(status, headers)
  }

  onBody(bytes: Buffer): void {
    if (this.#state === 'open') {
      if (!this.#createDecoder) this.#handler.onData(bytes)
      else if (!this.#decoderFor(bytes).write(bytes)) this.#connection?.pause()
    } else if (this.#state === 'released') {
      this.#releaseBudget -= bytes.length
      if (this.#releaseBudget < 0) this.abort()
    }
  }

  onComplete(): void {
    this.#connection = undefined
    if (this.#state !== 'open') this.#over()
    else if (this.#decoder) this.#decoder.end()
    else this.#end()
  }

  onFault(failure: AttemptFailure, again: Again): void {
    this.#connection = undefined
    const message = this.#message
    if (
      this.#state === 'open' &&
      message &&
      (again === 'any' || (again === 'idempotent' && isRepeatable(this.#request, message)))
    ) {
      holdBody(message)
      this.#connection = this.#pool.connect(this.#request, this, true)
      if (this.#paused) this.#connection.pause()
    } else {
      this.#fail(failure)
    }
  }

  #decoderFor(bytes: Buffer): Transform {
    if (this.#decoder) return this.#decoder
    const decoder = this.#createDecoder!(bytes[0]!)
    decoder.on('data', (decoded: Buffer) => {
      if (this.#state === 'open') this.#handler.onData(decoded)
    })
    decoder.on('drain', () => {
      if (!this.#paused) this.#connection?.resume()
    })
    decoder.on('end', () => this.#end())
    decoder.on('error', () => {
      this.#fail({ kind: 'closed', message: "the upstream's answer is not what its content-encoding says" })
    })
    this.#decoder = decoder
    return decoder
  }

  #end(): void {
    if (this.#state !== 'open') return
    this.#over()
    this.#handler.onEnd()
  }

  #fail(failure: AttemptFailure): void {
    const open = this.#state === 'open'
    this.abort()
    if (open) this.#handler.onFailure(failure)
  }

  #over(): void {
    this.#state = 'over'
    clearTimeout(this.#releaseTimer)
    this.#message = undefined
    this.#connection = undefined
    this.#decoder?.destroy()
    this.#decoder = undefined
  }
}

/** Until the connection has written it. */
function holdBody({ body }: RequestMessage): void {
  if (Buffer.isBuffer(body)) hold(body)
}
