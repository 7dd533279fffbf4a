import { createHash } from 'node:crypto'
import { isObject } from '../llm/json.js'
import type { Plugin, PluginModule } from '../pdk/plugin.js'
import type { ConfigSchema } from '../schema/schema.js'

/** A plugin that this process can run: its module and the schema of its config. */
export interface PluginDefinition {
  readonly name: string
  readonly module: PluginModule
  readonly schema: ConfigSchema
}

type Config = Record<string, unknown>

/** A plugin object and the config that it was made with. */
export interface BuiltPlugin {
  readonly plugin: Plugin
  readonly config: Config
}

/**
 * The plugin objects in use, one for each distinct configuration: constructing one is where its work for a config is done once.
 * It lives on as long as anybody holds it: a route table, an instance of Kong's, an exchange.
 */
export class PluginInstances {
  readonly #built = new Map<string, { plugin: WeakRef<Plugin>; config: Config }>()
  readonly #gone = new FinalizationRegistry<string>((key) => {
    if (this.#built.get(key)?.plugin.deref() === undefined) this.#built.delete(key)
  })

  /**
   * @param check gives the config as the plugin has it, of one that was not seen before
   * @throws Error what `check` or the plugin's constructor throws
   */
  get(
    { schema, module }: Pick<PluginDefinition, 'schema' | 'module'>,
    given: Config,
    check: (given: Config) => Config = (config) => config,
  ): BuiltPlugin {
    const key = `${schema.name} ${configKey(given)}`
    const built = this.#built.get(key)
    const present = built?.plugin.deref()
    if (built !== undefined && present !== undefined) return { plugin: present, config: built.config }
    const config = check(given)
    const plugin = new module.Plugin(config as never)
    this.#built.set(key, { plugin: new WeakRef(plugin), config })
    this.#gone.register(plugin, key)
    return { plugin, config }
  }
}

/** Equal for equal configs: a Lua table gives its keys in any order. */
function configKey(config: Config): string {
  const canonical = JSON.stringify(config, (_key, item: unknown) => (isObject(item) ? sorted(item) : item))
  return createHash('sha256').update(canonical).digest('base64')
}

function sorted(record: Config): Config {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)))
}
