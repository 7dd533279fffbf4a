import type { Readable, Transform } from 'node:stream'
import { Agent, type Dispatcher } from 'undici'
import type { AttemptFailure, UpstreamRequest } from '../pdk/exchange.js'
import { copyHeaders, firstHeader, type HeaderRecord } from '../pdk/headers.js'
import { contentDecoder, type CreateDecoder } from './decoding.js'

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
  // What undici fixes per connection and not per request.
  readonly #agents = new Map<string, Agent>()

  /**
   * Sends a request. Headers of one hop and `content-length` of a known body are undici's to set.
   *
   * @param decode undo the answer's content coding, and take `content-encoding` and `content-length` out of its headers.
   */
  send(
    request: UpstreamRequest,
    body: Buffer | string | Readable | null,
    handler: UpstreamHandler,
    decode: boolean,
  ): UpstreamLeg {
    const leg = new UpstreamLeg(handler, decode)
    const { host, port, timeouts } = request
    const hostname = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
    try {
      this.#agent(timeouts.connect, request.tlsVerify).dispatch(
        {
          origin: `${request.scheme}://${hostname}:${port}`,
          method: request.method,
          path: request.rawQuery === '' ? request.path : `${request.path}?${request.rawQuery}`,
          headers: request.headers,
          body,
          headersTimeout: timeouts.headers,
          bodyTimeout: timeouts.idle,
        },
        leg,
      )
    } catch (error) {
      // What undici refuses at once (a header that no HTTP message may hold): told like every other failure, later.
      queueMicrotask(() => leg.onResponseError(undefined, error as Error))
    }
    return leg
  }

  async close(): Promise<void> {
    await Promise.all([...this.#agents.values()].map((agent) => agent.destroy()))
  }

  #agent(connectTimeout: number, verify: boolean): Agent {
    const key = `${connectTimeout}/${verify}`
    let agent = this.#agents.get(key)
    if (!agent) {
      agent = new Agent({ connect: { timeout: connectTimeout, rejectUnauthorized: verify } })
      this.#agents.set(key, agent)
    }
    return agent
  }
}

/** One request to an upstream with its answer: a hot path, so undici calls it directly, without streams or promises. */
export class UpstreamLeg implements Dispatcher.DispatchHandler {
  readonly #handler: UpstreamHandler
  readonly #decode: boolean
  #controller: Dispatcher.DispatchController | undefined
  #createDecoder: CreateDecoder | undefined
  #decoder: Transform | undefined
  /** What this read from the upstream brought and the handler has not got yet. */
  #arrived: Buffer[] = []
  #state: 'open' | 'released' | 'over' = 'open'
  #aborted = false
  #paused = false
  #releaseBudget = RELEASE_BYTES
  #releaseTimer: NodeJS.Timeout | undefined

  constructor(handler: UpstreamHandler, decode: boolean) {
    this.#handler = handler
    this.#decode = decode
  }

  /** Stops reading, so that the upstream stops sending. */
  pause(): void {
    this.#paused = true
    this.#controller?.pause()
    this.#decoder?.pause()
  }

  resume(): void {
    this.#paused = false
    this.#decoder?.resume()
    if (!this.#decoder?.writableNeedDrain) this.#controller?.resume()
  }

  /** Closes the connection at once; the handler hears nothing more. */
  abort(): void {
    this.#over()
    this.#abortConnection()
  }

  /** Nobody needs the rest. The connection is kept if the answer ends soon, else closed; the handler hears nothing more. */
  release(): void {
    if (this.#state !== 'open') return
    this.#state = 'released'
    this.#decoder?.destroy()
    this.#decoder = undefined
    this.#controller?.resume()
    this.#releaseTimer = setTimeout(() => this.abort(), RELEASE_MS).unref()
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#aborted) this.#abortConnection()
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (status < 200 || this.#state !== 'open') return
    const copy = copyHeaders(headers as HeaderRecord)
    if (this.#decode) {
      try {
        this.#createDecoder = contentDecoder(firstHeader(copy, 'content-encoding'))
      } catch (error) {
        this.#fail({ kind: 'rejected', status: 502, message: (error as Error).message })
        return
      }
      if (this.#createDecoder) {
        delete copy['content-encoding']
        delete copy['content-length']
      }
    }
    this.#handler.onHeaders(status, copy)
    // The handler may have paused before there was a body to pause.
    if (this.#paused) this.#controller?.pause()
  }

  onResponseData(controller: Dispatcher.DispatchController, bytes: Buffer): void {
    if (this.#state === 'open') {
      if (!this.#createDecoder) this.#gather(bytes)
      else if (!this.#decoderFor(bytes).write(bytes)) controller.pause()
    } else if (this.#state === 'released') {
      this.#releaseBudget -= bytes.length
      if (this.#releaseBudget < 0) this.abort()
    }
  }

  onResponseEnd(): void {
    this.deliver()
    if (this.#state !== 'open') this.#over()
    else if (this.#decoder) this.#decoder.end()
    else this.#end()
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    this.deliver()
    this.#fail(failureOf(error))
  }

  /**
   * Providers flush each frame in an HTTP chunk of its own, and one read may bring hundreds: they go on as one piece, so
   * that the filters run once and the client's socket is written to once. Still in the same tick.
   */
  #gather(bytes: Buffer): void {
    if (this.#arrived.push(bytes) === 1) process.nextTick(deliver, this)
  }

  /** Hands on what has arrived. */
  deliver(): void {
    const arrived = this.#arrived
    if (arrived.length === 0) return
    this.#arrived = []
    if (this.#state === 'open')
      this.#handler.onData(arrived.length === 1 ? arrived[0]! : Buffer.concat(arrived))
  }

  #decoderFor(bytes: Buffer): Transform {
    if (this.#decoder) return this.#decoder
    const decoder = this.#createDecoder!(bytes[0]!)
    decoder.on('data', (decoded: Buffer) => {
      if (this.#state === 'open') this.#handler.onData(decoded)
    })
    decoder.on('drain', () => {
      if (!this.#paused) this.#controller?.resume()
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
    this.#decoder?.destroy()
    this.#decoder = undefined
  }

  #abortConnection(): void {
    this.#aborted = true
    this.#controller?.abort(new Error('not needed any more'))
  }
}

/** A function for all legs: no closure a read. */
function deliver(leg: UpstreamLeg): void {
  leg.deliver()
}

const KIND_OF_CODE: Readonly<Record<string, AttemptFailure['kind']>> = {
  ENOTFOUND: 'resolve',
  EAI_AGAIN: 'resolve',
  ECONNREFUSED: 'connect',
  EHOSTUNREACH: 'connect',
  ENETUNREACH: 'connect',
  EADDRNOTAVAIL: 'connect',
  UND_ERR_CONNECT_TIMEOUT: 'timeout',
  UND_ERR_HEADERS_TIMEOUT: 'timeout',
  UND_ERR_BODY_TIMEOUT: 'timeout',
  ETIMEDOUT: 'timeout',
}

function failureOf(error: Error & { code?: string }): AttemptFailure {
  const code = error.code ?? ''
  const tls = /^(ERR_TLS|ERR_SSL|CERT_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_|EPROTO)/.test(code)
  return { kind: tls ? 'tls' : (KIND_OF_CODE[code] ?? 'closed'), message: error.message }
}
