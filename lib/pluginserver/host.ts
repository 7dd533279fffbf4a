import type { ProcessSettings } from '../pdk/exchange.js'
import type { Logger } from '../pdk/method.js'
import type { DirectTarget } from '../pdk/plugin.js'
import type { PluginDefinition } from '../runtime/definition.js'
import type { Address } from '../runtime/listener.js'
import type { LogSink } from '../runtime/log-sink.js'
import { processPdkHost } from '../runtime/pdk-host.js'
import { within } from '../runtime/within.js'
import { handoverCounters, type HandoverCounters } from './counters.js'
import type { EventRecord } from './events.js'
import { handoverHandlers, hasFilters, type HandoverTarget, type RelayAddress } from './handover.js'
import type { HostedPlugin } from './hosted.js'
import { Recent } from './recent.js'
import { Relay, type RelayOptions } from './relay.js'
import { startPluginServer } from './server.js'
import type { HostStatus } from './status.js'
import { Tickets } from './tickets.js'

export interface PluginHostOptions extends Pick<RelayOptions, 'listen' | 'advertise' | 'logWaitMs'> {
  /** Path of the unix socket that Kong connects to. */
  readonly socket: string
  readonly plugins: readonly PluginDefinition[]
  readonly settings: ProcessSettings
  readonly log: Logger
  readonly sink?: LogSink
  /** Where operators look; absent: nowhere, and nothing is counted for them. */
  readonly statusListen?: Address | undefined
  /** The status listener has a page of the streams under way. */
  readonly livePage?: boolean
  /** How long a ticket waits for its request. Milliseconds. */
  readonly ticketLifeMs?: number
  /** What an event takes longer for is answered for. Milliseconds. */
  readonly deadlineMs: number
  /** Called at the end of each event of Kong's, with the round trips that it took. */
  onEvent?(record: EventRecord): void
}

/** Plugins served to a real Kong. */
export interface PluginHost {
  /** The relay as Kong reaches it. */
  readonly relay: RelayAddress
  readonly counters: HandoverCounters
  /** Where `/status` and `/metrics` are; `undefined` if nowhere. */
  readonly statusUrl: string | undefined
  /** Lets what is under way come to its end for at most `graceMs`, with its log entries, and takes nothing new. */
  close(graceMs?: number): Promise<void>
}

/** How long requests that have just been handed over may take to come, once the process stops. Milliseconds. */
const LAST_REQUESTS_MS = 5000

/** Starts both halves: the relay, then the socket by which Kong learns of it. */
export async function startPluginHost(options: PluginHostOptions): Promise<PluginHost> {
  const { socket, plugins, settings, log, sink, ticketLifeMs, deadlineMs } = options
  const tickets = new Tickets(ticketLifeMs)
  const counters = handoverCounters()
  const shared = { tickets, counters, settings, direct: new Recent<DirectTarget>(deadlineMs) }
  const status = options.statusListen && (await hostStatus(options, options.statusListen, shared))
  const relay = await Relay.start({
    ...shared,
    listen: options.listen,
    pdk: processPdkHost(log),
    ...(options.advertise && { advertise: options.advertise }),
    ...(options.logWaitMs !== undefined && { logWaitMs: options.logWaitMs }),
    ...(sink && { sink }),
    ...(status && { telemetry: status.telemetry }),
  })
  try {
    const hosted = plugins.map((plugin) => hostedPlugin(plugin, { ...shared, relay: relay.address }))
    const server = await startPluginServer({
      socket,
      plugins: hosted,
      log,
      deadlineMs,
      onEvent: (record) => {
        status?.onEvent(record)
        options.onEvent?.(record)
      },
    })
    status?.ready()
    return {
      relay: relay.address,
      counters,
      statusUrl: status?.listener.url,
      async close(graceMs = deadlineMs) {
        const end = performance.now() + graceMs
        const left = () => Math.max(0, end - performance.now())
        await server.close(graceMs)
        await within(Math.min(left(), LAST_REQUESTS_MS), tickets.settled())
        await relay.close(left())
        await status?.listener.close(0)
      },
    }
  } catch (error) {
    await relay.close(0)
    await status?.listener.close(0)
    throw error
  }
}

/** Loaded only where somebody looks: the metrics' library takes a while. */
async function hostStatus(
  { sink, livePage = false }: PluginHostOptions,
  listen: Address,
  shared: Pick<HandoverTarget, 'counters' | 'tickets'>,
): Promise<HostStatus> {
  const { startHostStatus } = await import('./status.js')
  return startHostStatus({ listen, livePage, sink, ...shared })
}

function hostedPlugin({ module, schema }: PluginDefinition, target: HandoverTarget): HostedPlugin {
  if (!hasFilters(module)) return { module, schema }
  return { module, schema, handlers: handoverHandlers(module, target) }
}
