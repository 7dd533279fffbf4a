import type { PluginModule } from '../../lib/pdk/plugin.js'
import { configSchema, type ConfigSchema } from '../../lib/schema/schema.js'

const schemas = new WeakMap<PluginModule, ConfigSchema>()

/** The schema of a plugin, compiled once: for ai-proxy's that takes longer than all else of a gateway's start. */
export function schemaOf(module: PluginModule): ConfigSchema {
  const schema = schemas.get(module) ?? configSchema(module, '')
  schemas.set(module, schema)
  return schema
}
