import { createWriteStream } from 'node:fs'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { UpstreamRequest } from '../lib/pdk/exchange.js'
import { firstHeader, type HeaderRecord } from '../lib/pdk/headers.js'
import { processLogger } from '../lib/runtime/logger.js'
import { StreamSink } from '../lib/runtime/log-sink.js'
import { type UpstreamHandler, type UpstreamLeg, Upstreams } from '../lib/runtime/upstream.js'
import { ready } from './program.js'

/*
 * What is left of the gateway when all is taken away that is not bytes, JSON or the log: node:http towards the client, our own
 * leg towards the provider, both bodies read as JSON, a line like the gateway's written. A stream passes as it is read. There is no
 * routing, no plugin, no check, no translation, nothing counted: less than this a gateway on node:http cannot cost.
 */

const [, , provider, log] = process.argv as [string, string, string, string]
const { hostname, port } = new URL(provider)
const upstreams = new Upstreams()
const sink = new StreamSink(createWriteStream(log, { flags: 'a' }), processLogger())

class Passage implements UpstreamHandler {
  readonly #out: ServerResponse
  readonly #request: UpstreamRequest
  readonly #model: string
  readonly #leg: UpstreamLeg
  #status = 0
  #headers: HeaderRecord = {}
  /** Of an answer with a length. */
  #whole: Buffer[] | undefined

  constructor(message: IncomingMessage, out: ServerResponse, body: Buffer) {
    this.#out = out
    this.#request = requestOf(message, body)
    this.#model = (JSON.parse(body.toString()) as { model: string }).model
    this.#leg = upstreams.send(this.#request, body, this, false)
    out.on('drain', () => this.#leg.resume())
    out.on('close', () => this.#leg.release())
  }

  onHeaders(status: number, headers: HeaderRecord): void {
    this.#status = status
    this.#headers = headers
    if (headers['content-length'] === undefined) this.#begin({})
    else this.#whole = []
  }

  onData(bytes: Buffer): void {
    if (this.#whole) this.#whole.push(bytes)
    else if (!this.#out.write(bytes)) this.#leg.pause()
  }

  onEnd(): void {
    if (this.#whole) {
      const body = Buffer.concat(this.#whole)
      this.#begin({ 'content-length': body.length })
      this.#out.end(body)
      this.#log((JSON.parse(body.toString()) as { usage: object }).usage)
    } else {
      this.#out.end()
      this.#log({})
    }
  }

  onFailure(): void {
    this.#out.destroy()
  }

  #begin(length: http.OutgoingHttpHeaders): void {
    this.#out.writeHead(this.#status, {
      'content-type': firstHeader(this.#headers, 'content-type')!,
      ...length,
    })
  }

  #log(usage: object): void {
    const { host, path, headers } = this.#request
    const meta = { request_model: this.#model, started_at: Date.now() }
    const answer = { status: this.#status, headers: this.#headers }
    const entry = { ...ENTITIES, request: { host, path, headers }, response: answer, ai: { meta, usage } }
    sink.write(JSON.stringify(entry))
  }
}

function requestOf({ url = '/', headers }: IncomingMessage, body: Buffer): UpstreamRequest {
  return {
    scheme: 'http',
    host: hostname,
    port: Number(port),
    method: 'POST',
    path: url,
    rawQuery: '',
    headers: {
      'content-type': headers['content-type'] ?? '',
      'content-length': String(body.length),
      authorization: 'Bearer key',
    },
    body,
    timeouts: { connect: 10_000, headers: 60_000, idle: 60_000 },
    tlsVerify: true,
  }
}

/** As long as a Route and a Service are in Kong's log entry. */
const ENTITIES = { route: 'x'.repeat(500), service: 'x'.repeat(500) }

const server = http.createServer((message, out) => {
  const pieces: Buffer[] = []
  message.on('data', (piece: Buffer) => pieces.push(piece))
  message.on('end', () => new Passage(message, out, Buffer.concat(pieces)))
})

ready(server)
