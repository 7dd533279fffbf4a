import type { HandoverCounters } from './counters.js'
import type { ObservedSide, RelayProcesses, RelaySide, RelaySideOptions } from './relay-side.js'
import { RelayWorkers, type RelayWorkersOptions } from './relay-workers.js'

/** Relays in processes of their own, and what operators see of them all. */
export async function relayWorkersSide(
  options: RelaySideOptions,
  { count, program, ...process }: RelayProcesses,
  counters: HandoverCounters,
): Promise<RelaySide> {
  const { listen, advertise, settings, deadlineMs, livePage = false, log, statusListen } = options
  let relays: RelayWorkers | undefined
  const observed = statusListen
    ? await observedWorkers(() => relays?.workers ?? [], livePage, counters)
    : undefined
  relays = await RelayWorkers.start({
    program,
    count,
    log,
    counters,
    listen,
    advertise,
    deadlineMs,
    livePage,
    process,
    settings: { ...settings, workers: count },
    observed: observed !== undefined,
    ...(observed && { onGone: observed.onGone }),
  })
  return {
    relays,
    addresses: relays.workers.map(({ started }) => started),
    observed,
    reopen: () => relays.reopen(),
    close: (graceMs) => relays.close(graceMs),
  }
}

/** Loaded only where somebody looks. */
async function observedWorkers(
  workers: () => RelayWorkers['workers'],
  livePage: boolean,
  counters: HandoverCounters,
): Promise<ObservedSide & Required<Pick<RelayWorkersOptions, 'onGone'>>> {
  const [{ Metrics }, { Reports }, { countHandovers, outcomes }] = await Promise.all([
    import('../runtime/telemetry/metrics.js'),
    import('../runtime/workers/reports.js'),
    import('./status.js'),
  ])
  const own = new Metrics()
  countHandovers(own, counters)
  const reports = new Reports({ workers, metrics: own, server: () => ({ handovers: outcomes(counters) }) })
  return {
    own,
    metrics: reports,
    look: livePage ? () => reports.look() : undefined,
    status: () => reports.status(),
    onGone: (worker) => reports.onGone(worker),
  }
}
