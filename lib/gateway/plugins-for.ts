import type { GatewayConfig, PluginEntity, Route } from './entities.js'

/** Which plugins run, in their order: one of a name, worked out once when the config is loaded. */
export interface PluginsFor {
  /** For a request that has no Route. */
  readonly global: readonly PluginEntity[]
  route(route: Route): readonly PluginEntity[]
}

/**
 * Of several instances of a plugin that with the closest scope runs: Route and Service, Route, Service, global
 * (https://developer.konghq.com/gateway/entities/plugin/#plugin-precedence). A disabled one is as if it were not there.
 * Higher priorities run first, equal ones in the reverse order of their names, as in Kong.
 */
export function createPluginsFor(
  { routes, plugins }: Pick<GatewayConfig, 'routes' | 'plugins'>,
  schemas: ReadonlyMap<string, { readonly priority: number }>,
): PluginsFor {
  const scopes = new Map<string, PluginEntity[]>()
  for (const plugin of plugins) {
    if (!plugin.enabled) continue
    const key = scopeKey(plugin.route?.id, plugin.service?.id)
    scopes.set(key, [...(scopes.get(key) ?? []), plugin])
  }
  const priority = ({ name }: PluginEntity) => schemas.get(name)?.priority ?? 0

  /** One plugin of a name out of scopes, closest first. */
  const chain = (keys: string[]): PluginEntity[] => {
    const byName = new Map<string, PluginEntity>()
    for (const plugin of keys.flatMap((key) => scopes.get(key) ?? [])) {
      if (!byName.has(plugin.name)) byName.set(plugin.name, plugin)
    }
    return [...byName.values()].sort((a, b) => priority(b) - priority(a) || (a.name > b.name ? -1 : 1))
  }

  const global = chain([scopeKey()])
  const chains = new Map<string, PluginEntity[]>()
  for (const { id, service } of routes) {
    // Without a Service the scopes with and without one are the same.
    const keys = [scopeKey(id, service?.id), scopeKey(id), scopeKey(undefined, service?.id), scopeKey()]
    chains.set(id, chain([...new Set(keys)]))
  }
  return { global, route: ({ id }) => chains.get(id) ?? global }
}

function scopeKey(route = '', service = ''): string {
  return `${route}:${service}`
}
