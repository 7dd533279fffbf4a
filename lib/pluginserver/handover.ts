import { isObject, parseJson } from '../llm/json.js'
import type { ProcessSettings } from '../pdk/exchange.js'
import type { Kong } from '../pdk/kong.js'
import type { DirectTarget, PluginModule } from '../pdk/plugin.js'
import type { HandoverCounters } from './counters.js'
import type { EventHandler } from './events.js'
import type { HostedPlugin } from './hosted.js'
import type { Instance } from './instances.js'
import type { Recent } from './recent.js'
import { type Handover, TICKET_HEADER, type Tickets } from './tickets.js'

/** What a plugin may declare to be read over RPC: the relay has no other way to know it. */
const READS: Readonly<Record<string, (kong: Kong) => Promise<unknown>>> = {
  'router.getRoute': (kong) => kong.router.getRoute(),
  'router.getService': (kong) => kong.router.getService(),
  'request.getUriCaptures': (kong) => kong.request.getUriCaptures(),
  'client.getConsumer': (kong) => kong.client.getConsumer(),
  'client.getCredential': (kong) => kong.client.getCredential(),
}

/** The relay as Kong reaches it. */
export interface RelayAddress {
  host: string
  port: number
}

/** Where handed-over requests go, and what is known of them. */
export interface HandoverTarget {
  readonly relay: RelayAddress
  readonly tickets: Tickets
  readonly counters: HandoverCounters
  readonly settings: ProcessSettings
  /** Where Kong sends requests itself, by Kong's request id: a plugin further on may hand such a request over after all. */
  readonly direct: Recent<DirectTarget>
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
      const { tickets, counters, relay, settings } = target
      const names = readsOf(instance)
      const present = await kong.request.getHeader(TICKET_HEADER)
      const joined = present === undefined ? undefined : tickets.waiting(present)
      if (joined) {
        counters.joined++
        addPlugin(joined, instance)
        await readInto(joined, names, kong)
        return
      }
      // Only now: a request that goes to the relay for another plugin's sake cannot go anywhere else.
      if (instance.plugin.directAccess) {
        counters.direct++
        const direct = await instance.plugin.directAccess(kong, settings)
        if (direct) target.direct.set(await requestId(kong), direct)
        return
      }
      counters.handedOver++
      const handover = tickets.issue()
      addPlugin(handover, instance)
      await readInto(handover, names, kong)
      await kong.service.setTarget(relay.host, relay.port)
      await kong.service.request.setScheme('http')
      await kong.service.request.setHeader(TICKET_HEADER, handover.ticket)
    },
    log: joinLog(target),
  }
}

/** Kong repeats an event whose connection was lost, so the plugin may be there already. */
function addPlugin({ plugins }: Handover, { name, sent, plugin }: Instance): void {
  const { __plugin_id: id } = sent
  if (plugins.some((one) => one.name === name)) return
  plugins.push({ name, id: typeof id === 'string' ? id : '', plugin })
}

async function readInto({ reads }: Handover, names: readonly string[], kong: Kong): Promise<void> {
  for (const name of names) {
    if (!reads.has(name)) reads.set(name, await READS[name]!(kong))
  }
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

function joinLog({ tickets, counters }: HandoverTarget): EventHandler {
  return async (kong, instance) => {
    // A request that Kong sent to its provider itself has no exchange; in one that it joined, another plugin fetches the entry.
    if (instance.plugin.directAccess) return
    const entry = parseJson(await kong.log.serialize())
    const ticket = ticketOf(entry)
    if (!isObject(entry) || ticket === undefined || !tickets.log(ticket, entry)) counters.strayLogEvents++
  }
}

function ticketOf(entry: unknown): string | undefined {
  if (!isObject(entry) || !isObject(entry.request) || !isObject(entry.request.headers)) return undefined
  const ticket = entry.request.headers[TICKET_HEADER]
  return typeof ticket === 'string' ? ticket : undefined
}
