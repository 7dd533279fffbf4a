import type { ProcessSettings } from '../pdk/exchange.js'
import type { Logger } from '../pdk/method.js'
import type { DirectTarget } from '../pdk/plugin.js'
import type { LogSink } from '../runtime/log-sink.js'
import { processPdkHost } from '../runtime/pdk-host.js'
import type { Telemetry } from '../runtime/telemetry/telemetry.js'
import { within } from '../runtime/within.js'
import type { HandoverCounters } from './counters.js'
import { Recent } from './recent.js'
import { Relay, type RelayOptions } from './relay.js'
import type { RelayAddress } from './relays.js'
import type { Tickets } from './tickets.js'

export interface RelayHostOptions extends Pick<RelayOptions, 'listen' | 'advertise' | 'logWaitMs'> {
  readonly tickets: Tickets
  readonly counters: HandoverCounters
  readonly settings: ProcessSettings
  readonly log: Logger
  readonly sink?: LogSink | undefined
  readonly telemetry?: Telemetry | undefined
  /** How long Kong may take from one plugin's access phase to the next one's. Milliseconds. */
  readonly deadlineMs: number
}

/** A relay with what it knows of the requests that come. */
export interface RelayHost extends Pick<RelayHostOptions, 'tickets' | 'counters'> {
  readonly address: RelayAddress
  /** Where Kong sends requests itself, by Kong's request id. */
  readonly direct: Recent<DirectTarget>
  /** Lets the requests that were just handed over come, and all end for at most `graceMs`. */
  close(graceMs: number): Promise<void>
}

/** How long requests that have just been handed over may take to come, once the process stops. Milliseconds. */
const LAST_REQUESTS_MS = 5000

/** @throws Error where its port cannot be listened on */
export async function startRelayHost(options: RelayHostOptions): Promise<RelayHost> {
  const { tickets, counters, settings, log, sink, telemetry, deadlineMs } = options
  const direct = new Recent<DirectTarget>(deadlineMs)
  const relay = await Relay.start({
    tickets,
    counters,
    settings,
    direct,
    listen: options.listen,
    pdk: processPdkHost(log),
    ...(options.advertise && { advertise: options.advertise }),
    ...(options.logWaitMs !== undefined && { logWaitMs: options.logWaitMs }),
    ...(sink && { sink }),
    ...(telemetry && { telemetry }),
  })
  return {
    tickets,
    counters,
    direct,
    address: relay.address,
    async close(graceMs) {
      const end = performance.now() + graceMs
      await within(Math.min(graceMs, LAST_REQUESTS_MS), tickets.settled())
      await relay.close(Math.max(0, end - performance.now()))
    },
  }
}
