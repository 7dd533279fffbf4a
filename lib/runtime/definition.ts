import type { JsonObject } from '../llm/json.js'
import type { Plugin, PluginModule } from '../pdk/plugin.js'
import type { ConfigSchema } from '../schema/schema.js'

/** A plugin that this process can run: its module and the schema of its config. */
export interface PluginDefinition {
  readonly name: string
  readonly module: PluginModule
  readonly schema: ConfigSchema
}

/**
 * Instances by configuration: equal configs share one, as long as anything holds on to it. Constructing a plugin is
 * where its work for a config is done once.
 */
export class PluginInstances {
  readonly #instances = new Map<string, WeakRef<Plugin>>()

  get(definition: PluginDefinition, config: JsonObject): Plugin {
    const key = `${definition.name} ${JSON.stringify(config)}`
    const known = this.#instances.get(key)?.deref()
    if (known) return known
    const plugin = new definition.module.Plugin(config as never)
    this.#instances.set(key, new WeakRef(plugin))
    return plugin
  }
}
