import type { ProcessSettings } from '../pdk/exchange.js'
import type { Logger } from '../pdk/method.js'
import type { Address } from '../runtime/listener.js'
import type { LogSink } from '../runtime/log-sink.js'
import type { StatusOptions } from '../runtime/status.js'
import type { Metrics } from '../runtime/telemetry/metrics.js'
import type { HandoverCounters } from './counters.js'
import { startRelayHost, type RelayHostOptions } from './relay-host.js'
import type { RelayProcessOptions } from './relay-worker.js'
import { OwnRelay, type RelayAddress, type Relays } from './relays.js'
import { Tickets } from './tickets.js'

export interface RelaySideOptions extends Pick<RelayHostOptions, 'listen' | 'advertise' | 'logWaitMs'> {
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
}

export interface RelayProcesses extends RelayProcessOptions {
  readonly count: number
  /** The module that such a process runs. */
  readonly program: URL
}

/** The half of a host that Kong sends requests to. */
export interface RelaySide {
  readonly relays: Relays
  readonly addresses: readonly RelayAddress[]
  /** What operators may know of it; absent: nobody listens for them. */
  readonly observed: ObservedSide | undefined
  /** Opens the log files of other processes anew. */
  reopen(): void
  close(graceMs: number): Promise<void>
}

/** Metrics, page and status of all relays. */
export interface ObservedSide extends Omit<StatusOptions, 'listen'> {
  /** Where this process counts. */
  readonly own: Metrics
}

/** One relay, in this process. */
export async function ownRelaySide(
  options: RelaySideOptions,
  counters: HandoverCounters,
): Promise<RelaySide> {
  const { sink, livePage = false, ticketLifeMs } = options
  const tickets = new Tickets(ticketLifeMs === undefined ? {} : { lifeMs: ticketLifeMs })
  // Loaded only where somebody looks: the metrics' library takes a while.
  const observed = options.statusListen
    ? await (await import('./status.js')).observeRelay({ livePage, sink }, { counters, tickets })
    : undefined
  const host = await startRelayHost({ ...options, tickets, counters, telemetry: observed?.telemetry })
  return {
    relays: new OwnRelay(host.address, host),
    addresses: [host.address],
    observed: observed && {
      own: observed.metrics,
      metrics: observed.metrics,
      look: observed.live && (() => observed.live!.snapshot()),
      status: () => ({ ready: true, body: { server: observed.server() } }),
    },
    reopen() {},
    close: (graceMs) => host.close(graceMs),
  }
}
