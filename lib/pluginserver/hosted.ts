import type { Plugin, PluginModule } from '../pdk/plugin.js'
import type { ConfigSchema } from '../schema/schema.js'
import type { EventHandler } from './events.js'

/** The phases that Kong runs over RPC. */
export const RPC_PHASES = ['rewrite', 'access', 'response', 'log'] as const
export type RpcPhase = (typeof RPC_PHASES)[number]

/** A plugin that this server runs. */
export interface HostedPlugin {
  readonly module: PluginModule
  readonly schema: ConfigSchema
  /** Run in place of the plugin's own method of that phase: a plugin that is handed over does its work elsewhere. */
  readonly handlers?: Readonly<Partial<Record<RpcPhase, EventHandler>>>
}

/** What runs `phase`; undefined if the plugin has no such phase. */
export function handlerOf(hosted: HostedPlugin, plugin: Plugin, phase: string): EventHandler | undefined {
  if (!isRpcPhase(phase)) return undefined
  const own = plugin[phase]
  return hosted.handlers?.[phase] ?? (own && ((kong) => own.call(plugin, kong)))
}

function isRpcPhase(phase: string): phase is RpcPhase {
  return (RPC_PHASES as readonly string[]).includes(phase)
}
