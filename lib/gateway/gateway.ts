import type { IncomingMessage, ServerResponse } from 'node:http'
import type { JsonObject } from '../llm/json.js'
import type { NextAttempt, ProcessSettings } from '../pdk/exchange.js'
import { firstHeader, headersOf } from '../pdk/headers.js'
import type { Logger, PdkHost } from '../pdk/method.js'
import { type PluginDefinition, PluginInstances } from '../runtime/definition.js'
import type { ClientLimits } from '../runtime/client-limits.js'
import { LiveExchange, type Exit } from '../runtime/exchange.js'
import { requestId } from '../runtime/ids.js'
import { IncomingRequest } from '../runtime/incoming-request.js'
import { kongAnswer, NO_ROUTE, NO_SERVICE } from '../runtime/kong-answers.js'
import { processPdkHost } from '../runtime/pdk-host.js'
import { Pipeline } from '../runtime/pipeline.js'
import type { PipelineHost, Routed } from '../runtime/pipeline-host.js'
import type { LogSink } from '../runtime/log-sink.js'
import { listenStatus } from '../runtime/status.js'
import { observation, type Observation } from '../runtime/telemetry/observation.js'
import type { Telemetry } from '../runtime/telemetry/telemetry.js'
import { Upstreams } from '../runtime/upstream.js'
import type { GatewayConfig, Route } from './entities.js'
import { listen, type Address, type Door, type Listener, type OnRequest } from '../runtime/listener.js'
import { requestFacts } from './request-facts.js'
import { RouteTable } from './route-table.js'
import { httpsAnswer } from './router.js'
import { serviceRequest } from './service-request.js'

export interface GatewayOptions {
  config: GatewayConfig
  plugins: ReadonlyMap<string, PluginDefinition>
  /** Where clients connect; or who serves connections that another process accepts. */
  proxyListen: Address | ((onRequest: OnRequest) => Door)
  /** Where operators look; absent: another process has that listener. */
  statusListen?: Address
  settings: ProcessSettings
  log: Logger
  limits?: ClientLimits
  /** Where log entries go; closing it is the caller's. */
  sink?: LogSink | undefined
  /** The status listener has a page of the streams under way. */
  livePage?: boolean
}

/** How long `close` waits for answers in flight. */
const GRACE_MS = 30_000

/** Kong's job without Kong: routes requests by a declarative config and runs their plugins, filters included. */
export class Gateway implements PipelineHost {
  readonly upstreams = new Upstreams()
  readonly pdk: PdkHost
  readonly telemetry: Telemetry
  readonly observation: Observation
  readonly edge = true
  readonly #settings: ProcessSettings
  readonly #sink: LogSink | undefined
  readonly #plugins: ReadonlyMap<string, PluginDefinition>
  /** Equal configs keep their instance, also over a reload. */
  readonly #instances = new PluginInstances()
  #table: RouteTable
  #proxy: Listener | Door | undefined
  #status: Listener | undefined
  /** Requests since the start. */
  #handled = 0

  private constructor(options: GatewayOptions, watching: Observation) {
    this.pdk = processPdkHost(options.log)
    this.observation = watching
    this.telemetry = watching.telemetry
    this.#settings = options.settings
    this.#sink = options.sink
    this.#plugins = options.plugins
    this.#table = new RouteTable(options.config, options.plugins, this.#instances)
  }

  /** @throws Error where a port cannot be listened on or a plugin's constructor fails */
  static async start(options: GatewayOptions): Promise<Gateway> {
    const { statusListen, proxyListen, livePage = false, sink, limits } = options
    const watching = await observation({ livePage, sink })
    const gateway = new Gateway(options, watching)
    const { metrics, live } = watching
    const onRequest: OnRequest = (message, out) => gateway.#onRequest(message, out)
    try {
      if (statusListen) {
        gateway.#status = await listenStatus({
          listen: statusListen,
          metrics,
          look: live && (() => live.snapshot()),
          status: () => ({ ready: gateway.#proxy !== undefined, body: { server: gateway.server() } }),
        })
      }
      gateway.#proxy =
        typeof proxyListen === 'function'
          ? proxyListen(onRequest)
          : await listen(proxyListen, onRequest, limits ? { limits } : {})
    } catch (error) {
      await gateway.close(0)
      throw error
    }
    return gateway
  }

  /** Of a gateway that listens. */
  get proxyUrl(): string {
    return this.#proxy && 'url' in this.#proxy ? this.#proxy.url : ''
  }

  get statusUrl(): string {
    return this.#status?.url ?? ''
  }

  get globals() {
    return this.#table.globals
  }

  /**
   * Requests that come from now on find this config; those under way end as they began.
   *
   * @throws Error where a plugin's constructor fails: the config before it stays
   */
  reload(config: GatewayConfig): void {
    this.#table = new RouteTable(config, this.#plugins, this.#instances)
  }

  /** No new requests; answers in flight end, after `graceMs` they are broken off. */
  async close(graceMs = GRACE_MS): Promise<void> {
    await this.#proxy?.close(graceMs)
    await this.#status?.close(0)
    await this.upstreams.close()
  }

  #onRequest(message: IncomingMessage, out: ServerResponse): void {
    this.#handled++
    const headers = headersOf(message.rawHeaders)
    const facts = requestFacts(message, headers)
    if (!facts) {
      const { status, headers, body } = kongAnswer(400, 'Bad request', requestId())
      out.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body!), connection: 'close' })
      out.end(body)
      return
    }
    const x = new LiveExchange(new IncomingRequest(message, facts, headers), this.#settings)
    new Pipeline(x, this, out).run()
  }

  route(x: LiveExchange): Routed {
    const { request } = x
    const match = this.#table.router.match(request)
    if (!match) return { exit: kongAnswer(404, NO_ROUTE, x.id) }
    if (match.httpsStatus) return { exit: httpsRequired(x, match.httpsStatus) }
    const { route, service } = match
    if (!service) return { exit: kongAnswer(503, NO_SERVICE, x.id) }
    // What a plugin sets up replaces this: here a connection that was refused is tried again, as the Service says.
    let left = service.retries
    const again: NextAttempt = ({ kind }) => (kind === 'connect' && left-- > 0 ? x.upstream : null)
    x.nextAttempt = again
    const upstream = () => serviceRequest(request, x.id, service, match)
    return {
      binding: { route, service, captures: match.captures, upstream },
      plugins: this.#table.chain(route),
    }
  }

  record(x: LiveExchange): void {
    this.#sink?.write(x.serialize())
  }

  /** What `/status` says of the server. */
  server(): JsonObject {
    return { connections_active: this.telemetry.open.size, total_requests: this.#handled }
  }
}

/** A Route for https alone: Kong tells the client, or sends it there. */
function httpsRequired(x: LiveExchange, status: Route['https_redirect_status_code']): Exit {
  const { headers, rawPath, rawQuery } = x.request
  const host = firstHeader(headers, 'host') ?? ''
  const answer = httpsAnswer(status, host, rawQuery === '' ? rawPath : `${rawPath}?${rawQuery}`)
  const exit = kongAnswer(answer.status, answer.message ?? 'Moved', x.id)
  Object.assign(exit.headers, answer.headers)
  return exit
}
