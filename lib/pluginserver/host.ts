import type { PluginDefinition } from '../runtime/definition.js'
import type { Listener } from '../runtime/listener.js'
import { listenStatus } from '../runtime/status.js'
import { handoverCounters, type HandoverCounters } from './counters.js'
import type { EventRecord } from './events.js'
import { handoverHandlers, hasFilters, type HandoverTarget } from './handover.js'
import type { HostedPlugin } from './hosted.js'
import { ownRelaySide, type RelayProcesses, type RelaySide, type RelaySideOptions } from './relay-side.js'
import type { RelayAddress } from './relays.js'
import { startPluginServer } from './server.js'

export interface PluginHostOptions extends RelaySideOptions {
  /** Path of the unix socket that Kong connects to. */
  readonly socket: string
  readonly plugins: readonly PluginDefinition[]
  /** Relays in processes of their own; absent: one in this process. */
  readonly workers?: RelayProcesses | undefined
  /** Called at the end of each event of Kong's, with the round trips that it took. */
  onEvent?(record: EventRecord): void
}

/** Plugins served to a real Kong. */
export interface PluginHost {
  /** The relays as Kong reaches them. */
  readonly relays: readonly RelayAddress[]
  /** Of this process. */
  readonly counters: HandoverCounters
  /** Where `/status` and `/metrics` are; `undefined` if nowhere. */
  readonly statusUrl: string | undefined
  /** Opens the log files of other processes anew. */
  reopen(): void
  /** Lets what is under way come to its end for at most `graceMs`, with its log entries, and takes nothing new. */
  close(graceMs?: number): Promise<void>
}

/** Starts both halves: the relays, then the socket by which Kong learns of them. */
export async function startPluginHost(options: PluginHostOptions): Promise<PluginHost> {
  const { socket, plugins, settings, log, deadlineMs, statusListen } = options
  const counters = handoverCounters()
  const side = await relaySide(options, counters)
  let isReady = false
  let status: Listener | undefined
  try {
    let count: ((record: EventRecord) => void) | undefined
    if (statusListen && side.observed) {
      const { own, metrics, look, status: state } = side.observed
      count = (await import('./status.js')).eventMetrics(own)
      status = await listenStatus({
        listen: statusListen,
        metrics,
        look,
        status: async () => (isReady ? state() : { ready: false, body: {} }),
      })
    }
    const target = { relays: side.relays, counters, settings }
    const server = await startPluginServer({
      socket,
      log,
      deadlineMs,
      plugins: plugins.map((plugin) => hostedPlugin(plugin, target)),
      onEvent(record) {
        count?.(record)
        options.onEvent?.(record)
      },
    })
    isReady = true
    return {
      counters,
      relays: side.addresses,
      statusUrl: status?.url,
      reopen: () => side.reopen(),
      async close(graceMs = deadlineMs) {
        const end = performance.now() + graceMs
        await server.close(graceMs)
        await side.close(Math.max(0, end - performance.now()))
        await status?.close(0)
      },
    }
  } catch (error) {
    await side.close(0)
    await status?.close(0)
    throw error
  }
}

/** Workers are loaded only where they are asked for. */
async function relaySide(options: PluginHostOptions, counters: HandoverCounters): Promise<RelaySide> {
  if (!options.workers) return ownRelaySide(options, counters)
  const { relayWorkersSide } = await import('./relay-workers-side.js')
  return relayWorkersSide(options, options.workers, counters)
}

function hostedPlugin({ module, schema }: PluginDefinition, target: HandoverTarget): HostedPlugin {
  if (!hasFilters(module)) return { module, schema }
  return { module, schema, handlers: handoverHandlers(module, target) }
}
