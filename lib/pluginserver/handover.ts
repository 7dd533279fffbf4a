import { isObject, parseJson } from '../llm/json.js'
import type { ProcessSettings } from '../pdk/exchange.js'
import type { Kong } from '../pdk/kong.js'
import type { PluginModule } from '../pdk/plugin.js'
import type { EventHandler } from './events.js'
import type { HostedPlugin } from './hosted.js'
import { TICKET_HEADER, type Tickets } from './tickets.js'

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

/** Whether a plugin's work is done in the relay: Kong gives external plugins no filters. */
export function hasFilters({ Plugin }: PluginModule): boolean {
  const { headerFilter, bodyFilter } = Plugin.prototype
  return headerFilter !== undefined || bodyFilter !== undefined
}

/** @throws Error naming a declared read that there is not */
export function checkReads(names: readonly string[], plugin: string): void {
  const unknown = names.find((name) => !Object.hasOwn(READS, name))
  if (unknown === undefined) return
  throw new Error(
    `plugin "${plugin}": HandoverReads has '${unknown}', expected some of: ${Object.keys(READS).join(', ')}`,
  )
}

/** Counts what has no exchange here. */
export interface HandoverCounters {
  /** Log events of requests that this process does not know: of its former life, or answered by others. */
  strayLogEvents: number
}

/**
 * What runs over RPC in the place of a plugin with filters. In `access` Kong is told to send the request to the relay:
 * `set_target` first, so that a request whose handover breaks off reaches the relay without a ticket, or nothing. In
 * `log` Kong's entry is fetched.
 */
export function handoverHandlers(
  module: PluginModule,
  tickets: Tickets,
  relay: RelayAddress,
  settings: ProcessSettings,
  counters: HandoverCounters,
): NonNullable<HostedPlugin['handlers']> {
  const access: EventHandler = async (kong, instance) => {
    if (instance.plugin.directAccess) {
      await instance.plugin.directAccess(kong, settings)
      return
    }
    const plugin = {
      name: instance.name,
      id: pluginId(instance.sent),
      plugin: instance.plugin,
    }
    const names = declaredReads(module, instance.config)
    const present = await kong.request.getHeader(TICKET_HEADER)
    const joined = present === undefined ? undefined : tickets.waiting(present)
    const handover = joined ?? tickets.issue()
    handover.plugins.push(plugin)
    for (const name of names) {
      if (!handover.reads.has(name)) handover.reads.set(name, await READS[name]!(kong))
    }
    if (joined) return
    await kong.service.setTarget(relay.host, relay.port)
    await kong.service.request.setScheme('http')
    await kong.service.request.setHeader(TICKET_HEADER, handover.ticket)
  }
  const log: EventHandler = async (kong, instance) => {
    if (instance.plugin.directAccess) return
    const entry = parseJson(await kong.log.serialize())
    const ticket = ticketOf(entry)
    if (!isObject(entry) || ticket === undefined || !tickets.log(ticket, entry)) counters.strayLogEvents++
  }
  return { access, log }
}

/** Kong writes the plugin entity's id into the config. */
function pluginId({ __plugin_id: id }: Record<string, unknown>): string {
  return typeof id === 'string' ? id : ''
}

function declaredReads({ HandoverReads: reads = [] }: PluginModule, config: unknown): readonly string[] {
  return typeof reads === 'function' ? reads(config as never) : reads
}

function ticketOf(entry: unknown): string | undefined {
  if (!isObject(entry) || !isObject(entry.request) || !isObject(entry.request.headers)) return undefined
  const ticket = entry.request.headers[TICKET_HEADER]
  return typeof ticket === 'string' ? ticket : undefined
}
