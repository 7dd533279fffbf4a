import { isObject, parseJson } from '../llm/json.js'
import type { ProcessSettings } from '../pdk/exchange.js'
import type { Kong } from '../pdk/kong.js'
import type { PluginModule } from '../pdk/plugin.js'
import type { HandoverCounters } from './counters.js'
import type { EventHandler } from './events.js'
import type { HostedPlugin } from './hosted.js'
import type { Instance } from './instances.js'
import type { Reads, RelayAddress, Relays } from './relays.js'
import { TICKET_HEADER } from './tickets.js'

/** What a plugin may declare to be read over RPC: the relay has no other way to know it. */
const READS: Readonly<Record<string, (kong: Kong) => Promise<unknown>>> = {
  'router.getRoute': (kong) => kong.router.getRoute(),
  'router.getService': (kong) => kong.router.getService(),
  'request.getUriCaptures': (kong) => kong.request.getUriCaptures(),
  'client.getConsumer': (kong) => kong.client.getConsumer(),
  'client.getCredential': (kong) => kong.client.getCredential(),
}

/** What those need who hand requests over. */
export interface HandoverTarget {
  readonly relays: Relays
  readonly counters: HandoverCounters
  readonly settings: ProcessSettings
}

/** Whether a plugin's work is done in the relay: Kong gives external plugins no filters. */
export function hasFilters({ Plugin }: PluginModule): boolean {
  const { headerFilter, bodyFilter } = Plugin.prototype
  return headerFilter !== undefined || bodyFilter !== undefined
}

/**
 * What runs over RPC in the place of a plugin with filters. In `access` Kong is told to send the request to the relay:
 * `set_target` first, so that a request whose handover breaks off reaches the relay without a ticket, or nothing. In
 * `log` Kong's entry is fetched.
 *
 * @throws Error naming a declared read that there is not
 */
export function handoverHandlers(
  module: PluginModule,
  target: HandoverTarget,
): NonNullable<HostedPlugin['handlers']> {
  const readsOf = declaredReads(module)
  return {
    async access(kong, instance) {
      const { relays, counters, settings } = target
      const names = readsOf(instance)
      const present = await kong.request.getHeader(TICKET_HEADER)
      const waiting = present === undefined ? undefined : await relays.waiting(present)
      if (waiting) {
        const unknown = names.filter((name) => !waiting.reads.has(name))
        if (await waiting.join(instance, await read(unknown, kong))) {
          counters.joined++
          return
        }
      }
      // Only now: a request that goes to the relay for another plugin's sake cannot go anywhere else.
      if (instance.plugin.directAccess) {
        counters.direct++
        const direct = await instance.plugin.directAccess(kong, settings)
        if (direct) relays.sentDirectly(await requestId(kong), direct)
        return
      }
      counters.handedOver++
      const ticket = await handOver(instance, await read(names, kong), relays, kong)
      await kong.service.request.setHeader(TICKET_HEADER, ticket)
    },
    log: joinLog(target),
  }
}

/** Tells a relay of the request while Kong is told of the relay. @returns the ticket, once the relay knows it */
async function handOver(instance: Instance, reads: Reads, relays: Relays, kong: Kong): Promise<string> {
  for (;;) {
    const relay = await relays.choose()
    const [ticket] = await Promise.all([relay.expect(instance, reads), tell(kong, relay.address)])
    if (ticket !== undefined) return ticket
  }
}

async function tell(kong: Kong, { host, port }: RelayAddress): Promise<void> {
  await kong.service.setTarget(host, port)
  await kong.service.request.setScheme('http')
}

async function read(names: readonly string[], kong: Kong): Promise<Reads> {
  const reads = new Map<string, unknown>()
  for (const name of names) reads.set(name, await READS[name]!(kong))
  return reads
}

async function requestId(kong: Kong): Promise<string> {
  return (await kong.nginx.getVar('kong_request_id')) ?? ''
}

/** The reads of each instance, worked out once for its config. */
function declaredReads(module: PluginModule): (instance: Instance) => readonly string[] {
  const { HandoverReads: reads = [] } = module
  if (typeof reads !== 'function') {
    checkReads(reads, module.Name)
    return () => reads
  }
  const known = new WeakMap<Instance['plugin'], readonly string[]>()
  return ({ plugin, config, name }) => {
    const names = known.get(plugin) ?? reads(config as never)
    if (!known.has(plugin)) checkReads(names, name)
    known.set(plugin, names)
    return names
  }
}

function checkReads(names: readonly string[], plugin = ''): void {
  const unknown = names.find((name) => !Object.hasOwn(READS, name))
  if (unknown === undefined) return
  const expected = Object.keys(READS).join(', ')
  throw new Error(`plugin "${plugin}": HandoverReads has '${unknown}', expected some of: ${expected}`)
}

function joinLog({ relays, counters }: HandoverTarget): EventHandler {
  return async (kong, instance) => {
    // A request that Kong sent to its provider itself has no exchange; in one that it joined, another plugin fetches the entry.
    if (instance.plugin.directAccess) return
    const entry = parseJson(await kong.log.serialize())
    const ticket = ticketOf(entry)
    if (isObject(entry) && ticket !== undefined) relays.logged(ticket, entry)
    else counters.strayLogEvents++
  }
}

function ticketOf(entry: unknown): string | undefined {
  if (!isObject(entry) || !isObject(entry.request) || !isObject(entry.request.headers)) return undefined
  const ticket = entry.request.headers[TICKET_HEADER]
  return typeof ticket === 'string' ? ticket : undefined
}
