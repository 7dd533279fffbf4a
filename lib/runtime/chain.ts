import type { Plugin } from '../pdk/plugin.js'

/** A plugin with its configuration, as it runs on some scope. */
export interface PluginInstance {
  readonly name: string
  /** The id of the plugin entity. */
  readonly id: string
  readonly plugin: Plugin
}

/** The plugins of a route by phase, in the order they run: worked out once, not per request. */
export interface PluginChain {
  readonly all: readonly PluginInstance[]
  readonly rewrite: readonly PluginInstance[]
  readonly access: readonly PluginInstance[]
  readonly response: readonly PluginInstance[]
  readonly headerFilter: readonly PluginInstance[]
  readonly bodyFilter: readonly PluginInstance[]
  readonly log: readonly PluginInstance[]
}

/** @param all highest priority first */
export function pluginChain(all: readonly PluginInstance[]): PluginChain {
  const having = (phase: keyof Plugin) => all.filter((one) => typeof one.plugin[phase] === 'function')
  return {
    all,
    rewrite: having('rewrite'),
    access: having('access'),
    response: having('response'),
    headerFilter: having('headerFilter'),
    bodyFilter: having('bodyFilter'),
    log: having('log'),
  }
}
