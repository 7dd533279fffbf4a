import type { IncomingMessage } from 'node:http'
import type { ClientRequest } from '../pdk/exchange.js'
import { headersOf, type HeaderRecord } from '../pdk/headers.js'
import { letGo } from '../pdk/held-bytes.js'
import { RequestBytes } from './request-bytes.js'

/** What a host (gateway or relay) knows of a request beside the message itself. */
export type RequestFacts = Pick<
  ClientRequest,
  'scheme' | 'host' | 'port' | 'rawPath' | 'path' | 'rawQuery' | 'ip' | 'remotePort' | 'forwarded'
>

/** The body came to an end before it was whole. */
export class BodyAborted extends Error {
  constructor() {
    super('the client went away while its request body was read')
    this.name = 'BodyAborted'
  }
}

/** A client's request over a `node:http` message. */
export class IncomingRequest implements ClientRequest {
  readonly method: string
  readonly httpVersion: string
  readonly headers: HeaderRecord
  readonly scheme: string
  readonly host: string
  readonly port: number
  readonly rawPath: string
  readonly path: string
  readonly rawQuery: string
  readonly ip: string
  readonly remotePort: number
  readonly forwarded: ClientRequest['forwarded']
  readonly startTime: number

  readonly #message: IncomingMessage
  #body: Buffer | undefined
  /** The body, or a part of it, was read and let go: it can never be had whole. */
  #isGone = false
  #reading: Promise<Buffer | undefined> | undefined

  constructor(message: IncomingMessage, facts: RequestFacts, headers = headersOf(message.rawHeaders)) {
    this.#message = message
    this.method = message.method ?? 'GET'
    this.httpVersion = message.httpVersion
    this.headers = headers
    this.scheme = facts.scheme
    this.host = facts.host
    this.port = facts.port
    this.rawPath = facts.rawPath
    this.path = facts.path
    this.rawQuery = facts.rawQuery
    this.ip = facts.ip
    this.remotePort = facts.remotePort
    this.forwarded = facts.forwarded
    this.startTime = performance.timeOrigin + performance.now()
  }

  /** What goes on to an upstream as this request's body: what was read, else the stream itself, null if there is none. */
  get body(): Buffer | IncomingMessage | null {
    if (this.#body) return this.#body
    const { 'content-length': length, 'transfer-encoding': coding } = this.headers
    return coding === undefined && (length === undefined || length === '0') ? null : this.#message
  }

  async readBody(limit: number): Promise<Buffer | undefined> {
    if (this.#body) return fits(this.#body, limit)
    const declared = Number(this.headers['content-length'] ?? 0)
    if (this.#isGone || (limit > 0 && declared > limit)) return undefined
    // There is one reading: a second call waits for it, and finds the body, that it was too large, or that it broke off.
    const body = await (this.#reading ??= this.#read(limit))
    return body && fits(body, limit)
  }

  /** Nobody will read or send the body any more: its bytes may go. */
  releaseBody(): void {
    if (this.#body) letGo(this.#body)
    this.#body = undefined
    this.#reading = undefined
    this.#isGone = true
  }

  #read(limit: number): Promise<Buffer | undefined> {
    const message = this.#message
    return new Promise((resolve, reject) => {
      const bytes = new RequestBytes(Number(this.headers['content-length'] ?? 0))
      const stop = () => message.off('data', onData).off('end', onEnd).off('close', onClose)
      const onData = (piece: Buffer) => {
        if (limit === 0 || bytes.size + piece.length <= limit) {
          bytes.push(piece)
          return
        }
        this.#isGone = true
        bytes.drop()
        stop().pause()
        resolve(undefined)
      }
      const onEnd = () => {
        this.#body = bytes.whole()
        stop()
        resolve(this.#body)
      }
      const onClose = () => {
        bytes.drop()
        stop()
        reject(new BodyAborted())
      }
      if (message.destroyed && !message.readableEnded) onClose()
      else message.on('data', onData).on('end', onEnd).on('close', onClose)
    })
  }
}

function fits(body: Buffer, limit: number): Buffer | undefined {
  return limit > 0 && body.length > limit ? undefined : body
}
