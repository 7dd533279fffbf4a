import type { Readable } from 'node:stream'
import type { AttemptFailure, UpstreamRequest } from '../../lib/pdk/exchange.js'
import type { HeaderRecord } from '../../lib/pdk/headers.js'
import { Upstreams, type UpstreamHandler, type UpstreamLeg } from '../../lib/runtime/upstream.js'
import { closing } from './closing.js'

/** Closed after the test. */
export function upstreams(): Upstreams {
  return closing(new Upstreams())
}

/** A GET of `/` at a server on this machine, without time limits. */
export function requestTo(url: string, changes: Partial<UpstreamRequest> = {}): UpstreamRequest {
  const { protocol, hostname, port } = new URL(url)
  return {
    scheme: protocol === 'https:' ? 'https' : 'http',
    host: hostname,
    port: Number(port),
    method: 'GET',
    path: '/',
    rawQuery: '',
    headers: {},
    body: undefined,
    timeouts: { connect: 0, headers: 0, idle: 0 },
    tlsVerify: true,
    ...changes,
  }
}

/** What a handler hears, one after the other. */
export class Call implements UpstreamHandler {
  leg: UpstreamLeg | undefined
  status: number | undefined
  headers: HeaderRecord | undefined
  /** One for each `onData`. */
  readonly pieces: string[] = []
  failure: AttemptFailure | undefined
  ended = false
  /** Resolves after `onEnd` or `onFailure`. */
  readonly over: Promise<this>
  /** Runs after each `onData`. */
  onPiece = (): void => {}
  #resolve!: (call: this) => void

  constructor() {
    this.over = new Promise((resolve) => (this.#resolve = resolve))
  }

  get body(): string {
    return this.pieces.join('')
  }

  onHeaders(status: number, headers: HeaderRecord): void {
    this.#expectOpen()
    this.status = status
    this.headers = headers
  }

  onData(bytes: Buffer): void {
    this.#expectOpen()
    this.pieces.push(bytes.toString('latin1'))
    this.onPiece()
  }

  onEnd(): void {
    this.#expectOpen()
    this.ended = true
    this.#resolve(this)
  }

  onFailure(failure: AttemptFailure): void {
    this.#expectOpen()
    this.failure = failure
    this.#resolve(this)
  }

  #expectOpen(): void {
    if (this.ended || this.failure) throw new Error('a handler hears nothing after the end')
  }
}

export function call(
  through: Upstreams,
  request: UpstreamRequest,
  body: Buffer | string | Readable | null = null,
  decode = false,
): Call {
  const handler = new Call()
  handler.leg = through.send(request, body, handler, decode)
  return handler
}
