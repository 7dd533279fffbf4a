import type { PluginDefinition, PluginInstances } from '../runtime/definition.js'
import { pluginChain, type PluginChain, type PluginInstance } from '../runtime/chain.js'
import type { GatewayConfig, PluginEntity, Route } from './entities.js'
import { createPluginsFor } from './plugins-for.js'
import { createRouter, type Router } from './router.js'

/** A checked config, worked out for requests: nothing here is computed per request. */
export class RouteTable {
  readonly router: Router
  /** Plugins without a scope. */
  readonly globals: PluginChain
  readonly #chains: ReadonlyMap<string, PluginChain>

  /** @throws Error where a plugin's constructor does */
  constructor(
    config: GatewayConfig,
    definitions: ReadonlyMap<string, PluginDefinition>,
    instances: PluginInstances,
  ) {
    this.router = createRouter(config)
    const schemas = new Map([...definitions].map(([name, { schema }]) => [name, schema]))
    const pluginsFor = createPluginsFor(config, schemas)
    // The same one in all chains: what a plugin without a scope keeps in `rewrite` is there when a Route has been found.
    const made = new Map<PluginEntity, PluginInstance>()
    const madeOf = (entity: PluginEntity): PluginInstance => {
      const one = made.get(entity) ?? instanceOf(entity, definitions, instances)
      made.set(entity, one)
      return one
    }
    const chainOf = (plugins: readonly PluginEntity[]) => pluginChain(plugins.map(madeOf))
    this.globals = chainOf(pluginsFor.global)
    this.#chains = new Map(config.routes.map((route) => [route.id, chainOf(pluginsFor.route(route))]))
  }

  chain(route: Route): PluginChain {
    return this.#chains.get(route.id) ?? this.globals
  }
}

function instanceOf(
  entity: PluginEntity,
  definitions: ReadonlyMap<string, PluginDefinition>,
  instances: PluginInstances,
): PluginInstance {
  const definition = definitions.get(entity.name)
  if (!definition) throw new Error(`plugin '${entity.name}' is not installed`)
  return {
    name: entity.name,
    id: entity.id,
    plugin: instances.get(definition, entity.config).plugin,
  }
}
