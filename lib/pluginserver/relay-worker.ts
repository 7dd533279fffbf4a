import type { Address } from '../runtime/listener.js'
import type { ProcessSettings } from '../pdk/exchange.js'
import type { Logger } from '../pdk/method.js'
import type { DirectTarget, Plugin } from '../pdk/plugin.js'
import type { PluginInstance } from '../runtime/chain.js'
import { type PluginDefinition, PluginInstances } from '../runtime/definition.js'
import type { LogSink } from '../runtime/log-sink.js'
import type { Peer } from '../runtime/workers/peer.js'
import { reportMethods, type ReportMethods } from '../runtime/workers/report-methods.js'
import { overCounter, type Begun, type ParentMethods } from '../runtime/workers/worker-process.js'
import { handoverCounters } from './counters.js'
import { type RelayHost, startRelayHost } from './relay-host.js'
import type { RelayAddress, Reads } from './relays.js'
import { Tickets } from './tickets.js'

/** What a relay worker starts with: plain data. */
export interface RelayWorkerOptions {
  /** What its tickets begin with. */
  readonly prefix: string
  readonly listen: Address
  readonly advertise: { readonly host: string; readonly port?: number } | undefined
  readonly settings: ProcessSettings
  /** Operators will ask for metrics and status. */
  readonly observed: boolean
  readonly livePage: boolean
  readonly deadlineMs: number
  /** What its process is to make of the command line: plugins, log sink. */
  readonly process: RelayProcessOptions
}

/** What a process needs to have the same plugins and the same log as its parent. */
export interface RelayProcessOptions {
  readonly folders: readonly string[]
  /** As on the command line: `NAME` or `NAME=ALIAS`; none: all. */
  readonly plugins: readonly string[]
  readonly logSink: string | undefined
  /** Debug lines are logged, too. */
  readonly verbose: boolean
}

/** A plugin that a request is handed over for. */
export interface HandedPlugin {
  readonly name: string
  readonly id: string
  /** JSON of the plugin's whole config. */
  readonly config: string
}

/** Names and values. What is not there is null. */
type PlainReads = readonly (readonly [string, unknown])[]

/** What the parent asks a relay worker for. */
export interface RelayWorkerMethods extends ReportMethods {
  start(options: RelayWorkerOptions): Promise<RelayAddress>
  /** @returns the ticket */
  expect(request: { plugin: HandedPlugin; reads: PlainReads }): string
  /** @returns names of the reads of the exchange that waits with this ticket; null if none does */
  waiting(ticket: string): readonly string[] | null
  join(request: { ticket: string; plugin: HandedPlugin; reads: PlainReads }): boolean
  logged(event: { ticket: string; entry: Record<string, unknown> }): void
  sentDirectly(request: { id: string; target: DirectTarget }): void
  reopen(none: null): void
}

export interface RelayWorkerSurroundings {
  /** By name. */
  readonly plugins: ReadonlyMap<string, PluginDefinition>
  readonly log: Logger
  readonly sink: LogSink | undefined
}

/** Starts a relay whose requests are handed over by another process. */
export async function relayWorker(
  options: RelayWorkerOptions,
  { plugins, log, sink }: RelayWorkerSurroundings,
  parent: Peer<ParentMethods>,
): Promise<Begun<RelayWorkerMethods>> {
  const tickets = new Tickets({ prefix: options.prefix, onOver: overCounter(parent) })
  const counters = handoverCounters()
  const { listen, advertise, settings, deadlineMs, livePage } = options
  const observed = options.observed
    ? await (await import('./status.js')).observeRelay({ livePage, sink }, { counters, tickets })
    : undefined
  const host: RelayHost = await startRelayHost({
    tickets,
    counters,
    listen,
    settings,
    log,
    sink,
    deadlineMs,
    telemetry: observed?.telemetry,
    ...(advertise && { advertise }),
  })
  const kept = new KeptPlugins(plugins)
  return {
    started: host.address,
    methods: {
      expect: ({ plugin, reads }) => tickets.issue([kept.get(plugin)], readsOf(reads)).ticket,
      waiting(ticket) {
        const handover = tickets.waiting(ticket)
        return handover ? [...handover.reads.keys()] : null
      },
      join: ({ ticket, plugin, reads }) => tickets.join(ticket, kept.get(plugin), readsOf(reads)),
      logged({ ticket, entry }) {
        if (!tickets.log(ticket, entry)) counters.strayLogEvents++
      },
      sentDirectly: ({ id, target }) => host.direct.set(id, target),
      reopen: () => sink?.reopen(),
      ...reportMethods(observed, () => observed?.server() ?? {}),
      async close(graceMs) {
        await host.close(graceMs)
        await sink?.close()
      },
    },
  }
}

function readsOf(plain: PlainReads): Reads {
  return new Map(plain.map(([name, value]) => [name, value ?? undefined]))
}

/** Milliseconds. */
const IDLE_LIMIT = 24 * 3600_000

/**
 * The plugins in use, by the text of their configs: Kong's instances, which hold them elsewhere, are another process's. What a
 * plugin knows of its providers lives as long as requests come for it once a day.
 */
class KeptPlugins {
  readonly #instances = new PluginInstances()
  readonly #kept = new Map<string, { readonly plugin: Plugin; usedAt: number }>()

  constructor(private readonly definitions: ReadonlyMap<string, PluginDefinition>) {}

  get({ name, id, config }: HandedPlugin): PluginInstance {
    const key = `${name} ${config}`
    let kept = this.#kept.get(key)
    if (!kept) this.#kept.set(key, (kept = { plugin: this.#made(name, config), usedAt: 0 }))
    kept.usedAt = Date.now()
    return { name, id, plugin: kept.plugin }
  }

  #made(name: string, config: string): Plugin {
    for (const [key, { usedAt }] of this.#kept) {
      if (usedAt < Date.now() - IDLE_LIMIT) this.#kept.delete(key)
    }
    return this.#instances.get(this.definitions.get(name)!, JSON.parse(config) as Record<string, unknown>)
      .plugin
  }
}
