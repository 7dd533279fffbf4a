import type { IncomingMessage, ServerResponse } from 'node:http'
import { ChatError } from '../llm/errors.js'
import { isObject } from '../llm/json.js'
import type { AttemptFailure, NextAttempt, ProcessSettings, UpstreamRequest } from '../pdk/exchange.js'
import { emptyHeaders, firstHeader, headersOf } from '../pdk/headers.js'
import type { PdkHost } from '../pdk/method.js'
import type { DirectTarget } from '../pdk/plugin.js'
import { pluginChain } from '../runtime/chain.js'
import { LiveExchange, nowhere, type Exit } from '../runtime/exchange.js'
import { IncomingRequest } from '../runtime/incoming-request.js'
import { listen, type Address, type Listener } from '../runtime/listener.js'
import type { LogSink } from '../runtime/log-sink.js'
import { Pipeline } from '../runtime/pipeline.js'
import type { PipelineHost, Routed } from '../runtime/pipeline-host.js'
import { Telemetry } from '../runtime/telemetry/telemetry.js'
import { Upstreams } from '../runtime/upstream.js'
import { within } from '../runtime/within.js'
import type { HandoverCounters } from './counters.js'
import { HandoverBinding } from './handover-binding.js'
import type { Recent } from './recent.js'
import { deliveredRequest, serviceUpstream, type DeliveredRequest } from './relay-request.js'
import type { RelayAddress } from './relays.js'
import { TICKET_HEADER, type Handover, type Tickets } from './tickets.js'

export interface RelayOptions {
  readonly listen: Address
  /** As Kong reaches it, where that is another address; without a port it is the one listened on. */
  readonly advertise?: { readonly host: string; readonly port?: number }
  readonly tickets: Tickets
  readonly direct: Recent<DirectTarget>
  readonly counters: HandoverCounters
  readonly pdk: PdkHost
  readonly settings: ProcessSettings
  readonly sink?: LogSink
  readonly telemetry?: Telemetry
  /** How long an exchange waits for Kong's log event. Milliseconds. */
  readonly logWaitMs?: number
}

/** Longer than Kong keeps idle connections to an upstream (60 s): the end that does not send must not be the one to close. */
const KEEP_ALIVE_MS = 75_000
const LOG_WAIT_MS = 5000
/** nginx's `proxy_buffer_size`: above it Kong answers 502. */
const MAX_HEADER_BYTES = 4000

/** An exchange with what its request came with. */
class RelayedExchange extends LiveExchange {
  constructor(
    request: IncomingRequest,
    settings: ProcessSettings,
    readonly handover: Handover,
    readonly delivered: DeliveredRequest,
  ) {
    super(request, settings, delivered.id)
  }
}

/**
 * Where Kong sends the requests that plugins with filters were handed: for Kong a streaming upstream like any other, here
 * the same pipeline as in the embedded gateway, over the request as Kong delivered it.
 */
export class Relay implements PipelineHost {
  readonly upstreams = new Upstreams()
  readonly pdk: PdkHost
  readonly telemetry: Telemetry
  readonly edge = false
  readonly globals = pluginChain([])
  readonly #options: RelayOptions
  /** How many exchanges are not over and logged. */
  #open = 0
  #listener: Listener | undefined
  #closing = false
  #onLast: (() => void) | undefined

  private constructor(options: RelayOptions) {
    this.#options = options
    this.pdk = options.pdk
    this.telemetry = options.telemetry ?? new Telemetry()
  }

  static async start(options: RelayOptions): Promise<Relay> {
    const relay = new Relay(options)
    relay.#listener = await listen(options.listen, (message, out) => relay.#onRequest(message, out), {
      keepAliveTimeout: KEEP_ALIVE_MS,
    })
    return relay
  }

  /** As Kong reaches it. */
  get address(): RelayAddress {
    const { address } = this.#listener!
    const { host = address.host, port = address.port } = this.#options.advertise ?? {}
    return { host, port }
  }

  /** Takes no new requests, lets those in flight end for at most `graceMs`, and waits until their log entries are written. */
  async close(graceMs: number): Promise<void> {
    await this.#listener!.close(graceMs)
    this.#closing = true
    for (const handover of this.#options.tickets.claimed()) handover.onEntry?.()
    if (this.#open > 0) await within(LOG_WAIT_MS, new Promise<void>((last) => (this.#onLast = last)))
    await this.upstreams.close()
  }

  #onRequest(message: IncomingMessage, out: ServerResponse): void {
    const { tickets, counters, settings } = this.#options
    const headers = headersOf(message.rawHeaders)
    const handover = tickets.claim(firstHeader(headers, TICKET_HEADER) ?? '')
    if (handover === undefined) {
      counters.refused++
      refuse(out, UNKNOWN)
      return
    }
    if (handover === 'used') {
      counters.repeated++
      refuse(out, REPEATED)
      return
    }
    const delivered = deliveredRequest(message, headers, this.address.host)
    const request = new IncomingRequest(message, delivered.facts, delivered.clientHeaders)
    const x = new RelayedExchange(request, settings, handover, delivered)
    this.#open++
    new Pipeline(x, this, out).run()
  }

  route(x: RelayedExchange): Routed {
    const { handover, delivered } = x
    try {
      const upstream = this.#upstream(x, handover, delivered)
      // What a plugin sets up replaces this.
      const next: NextAttempt = (failure) => {
        const lost = lostTarget(x.upstream, upstream, failure)
        if (lost) x.exit(500, JSON.stringify(new ChatError(500, lost).toBody()), jsonHeaders())
        return null
      }
      x.nextAttempt = next
      return {
        binding: new HandoverBinding(handover.reads, () => upstream),
        plugins: pluginChain(handover.plugins),
      }
    } catch (error) {
      return { exit: exitOf(new ChatError(500, (error as Error).message)) }
    }
  }

  /** Where the request goes if no plugin sets a target. */
  #upstream(x: LiveExchange, { reads }: Handover, delivered: DeliveredRequest): UpstreamRequest {
    const direct = this.#options.direct.get(x.id)
    if (direct) {
      const { scheme: protocol, host, port } = direct
      return serviceUpstream({ protocol, host, port, tls_verify: true }, delivered, x.request.method)
    }
    const service = reads.get('router.getService')
    return isObject(service) ? serviceUpstream(service, delivered, x.request.method) : nowhere()
  }

  /** Kong's log event comes about when the answer ends, to this process or to none. */
  async ended(x: RelayedExchange): Promise<void> {
    const { handover } = x
    const { tickets, logWaitMs = LOG_WAIT_MS } = this.#options
    this.#checkHeaderSize(x)
    // Once the relay closes, the plugin server has closed: no event can come.
    if (!handover.entry && !this.#closing) await entryWithin(handover, logWaitMs)
    x.kongEntry = handover.entry ?? false
    tickets.end(handover)
  }

  record(x: LiveExchange): void {
    try {
      this.#options.sink?.write(x.serialize())
    } finally {
      this.#open--
      if (this.#open === 0) this.#onLast?.()
    }
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

/** What to tell where the failure is one of the set-up. */
function lostTarget(
  tried: UpstreamRequest,
  service: UpstreamRequest,
  { kind }: AttemptFailure,
): string | undefined {
  if (tried.host === '') return NO_TARGET
  return kind === 'resolve' && tried === service ? NO_HOST : undefined
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
  out.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) })
  out.end(body)
}

function exitOf(error: ChatError): Exit & { body: string } {
  return { status: error.status, body: JSON.stringify(error.toBody()), headers: jsonHeaders() }
}

function jsonHeaders() {
  return Object.assign(emptyHeaders(), { 'content-type': 'application/json; charset=utf-8' })
}

function entryWithin(handover: Handover, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms).unref()
    const onEntry = (): void => {
      clearTimeout(timer)
      resolve()
    }
    handover.onEntry = onEntry
  })
}
