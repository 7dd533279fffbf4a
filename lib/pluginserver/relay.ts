import type { IncomingMessage, ServerResponse } from 'node:http'
import { ChatError } from '../llm/errors.js'
import type { ProcessSettings } from '../pdk/exchange.js'
import { emptyHeaders, firstHeader, headersOf } from '../pdk/headers.js'
import type { PdkHost } from '../pdk/method.js'
import { pluginChain } from '../runtime/chain.js'
import { LiveExchange, nowhere, type Exit } from '../runtime/exchange.js'
import { IncomingRequest } from '../runtime/incoming-request.js'
import { listen, type Address, type Listener } from '../runtime/listener.js'
import type { LogSink } from '../runtime/log-sink.js'
import { Pipeline, type PipelineHost, type Routed } from '../runtime/pipeline.js'
import { Upstreams } from '../runtime/upstream.js'
import { HandoverBinding } from './handover-binding.js'
import { deliveredRequest, serviceUpstream, type DeliveredRequest } from './relay-request.js'
import { TICKET_HEADER, type Handover, type Tickets } from './tickets.js'

export interface RelayOptions {
  listen: Address
  tickets: Tickets
  pdk: PdkHost
  settings: ProcessSettings
  sink?: LogSink
  /** How long an exchange waits for Kong's log event. Milliseconds. */
  logWaitMs?: number
}

/** Longer than Kong keeps idle connections to an upstream (60 s): the end that does not send must not be the one to close. */
const KEEP_ALIVE_MS = 75_000
const LOG_WAIT_MS = 5000
/** nginx's `proxy_buffer_size`: above it Kong answers 502. */
const MAX_HEADER_BYTES = 4000

/**
 * Where Kong sends the requests that plugins with filters were handed: for Kong a streaming upstream like any other, here
 * the same pipeline as in the embedded gateway, over the request as Kong delivered it.
 */
export class Relay implements PipelineHost {
  readonly upstreams = new Upstreams()
  readonly pdk: PdkHost
  readonly edge = false
  readonly globals = pluginChain([])
  readonly #options: RelayOptions
  readonly #handovers = new WeakMap<LiveExchange, { handover: Handover; delivered: DeliveredRequest }>()
  #listener: Listener | undefined

  private constructor(options: RelayOptions) {
    this.#options = options
    this.pdk = options.pdk
  }

  static async start(options: RelayOptions): Promise<Relay> {
    const relay = new Relay(options)
    relay.#listener = await listen(
      options.listen,
      (message, out) => relay.#onRequest(message, out),
      KEEP_ALIVE_MS,
    )
    return relay
  }

  get port(): number {
    return this.#listener!.address.port
  }

  async close(graceMs: number): Promise<void> {
    await this.#listener!.close(graceMs)
    await this.upstreams.close()
  }

  #onRequest(message: IncomingMessage, out: ServerResponse): void {
    const headers = headersOf(message.rawHeaders)
    const handover = this.#options.tickets.claim(firstHeader(headers, TICKET_HEADER) ?? '')
    if (handover === undefined || handover === 'used') {
      refuse(out, handover === 'used' ? REPEATED : UNKNOWN)
      return
    }
    const delivered = deliveredRequest(message, headers)
    const request = new IncomingRequest(message, delivered.facts, delivered.clientHeaders)
    const x = new LiveExchange(request, this.#options.settings, delivered.id)
    this.#handovers.set(x, { handover, delivered })
    void new Pipeline(x, this, out).run()
  }

  route(x: LiveExchange): Routed {
    const { handover, delivered } = this.#handovers.get(x)!
    const service = handover.reads.get('router.getService')
    try {
      const upstream =
        service === undefined || service === null
          ? nowhere()
          : serviceUpstream(service, delivered, x.request.method, x.request.headers)
      // What a plugin sets up replaces this.
      x.nextAttempt = (failure) => {
        const lost =
          x.upstream.host === ''
            ? NO_TARGET
            : failure.kind === 'resolve' && x.upstream === upstream
              ? NO_HOST
              : undefined
        if (lost) x.exit(500, JSON.stringify(new ChatError(500, lost).toBody()), jsonHeaders())
        return null
      }
      return {
        binding: new HandoverBinding(handover.reads, upstream),
        plugins: pluginChain(handover.plugins),
      }
    } catch (error) {
      return { exit: exitOf(new ChatError(500, (error as Error).message)) }
    }
  }

  /** Kong's log event comes about when the answer ends, to this process or to none. */
  async ended(x: LiveExchange): Promise<void> {
    const { handover } = this.#handovers.get(x)!
    this.#checkHeaderSize(x)
    if (!handover.entry) await entryWithin(handover, this.#options.logWaitMs ?? LOG_WAIT_MS)
    x.kongEntry = handover.entry ?? false
    this.#options.tickets.end(handover.ticket)
  }

  record(x: LiveExchange): void {
    this.#options.sink?.write(x.serialize())
  }

  #checkHeaderSize(x: LiveExchange): void {
    const bytes = JSON.stringify(x.response.headers).length
    if (bytes <= MAX_HEADER_BYTES) return
    this.pdk.logger.warn(
      { request_id: x.id, bytes },
      'the response headers may be too many for Kong: 4 KB is its limit',
    )
  }
}

const NO_TARGET =
  "no plugin has set a target for the request: a plugin without one declares 'router.getService' in HandoverReads"
const NO_HOST =
  "the name of the Service's host does not resolve; an Upstream entity cannot be used with a filter plugin"

/** Before a word is known of who asks: no detail. */
const UNKNOWN = new ChatError(403, 'forbidden')
const REPEATED = new ChatError(409, 'this request was sent before: it is not sent to the provider twice')

function refuse(out: ServerResponse, error: ChatError): void {
  const { status, body, headers } = exitOf(error)
  out.writeHead(status, headers)
  out.end(body)
}

function exitOf(error: ChatError): Exit {
  return { status: error.status, body: JSON.stringify(error.toBody()), headers: jsonHeaders() }
}

function jsonHeaders() {
  return Object.assign(emptyHeaders(), { 'content-type': 'application/json; charset=utf-8' })
}

function entryWithin(handover: Handover, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms).unref()
    handover.onEntry = () => {
      clearTimeout(timer)
      resolve()
    }
  })
}
