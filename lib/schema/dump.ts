import type { Json, JsonObject } from '../llm/json.js'
import type { PluginModule } from '../pdk/plugin.js'

/** The phases that Kong calls over RPC, in the order in which they run. */
const RPC_PHASES = ['certificate', 'rewrite', 'access', 'response', 'preread', 'log']

/** A plugin with filters is handed over in `access` and joined in `log`: Kong calls nothing else of it. */
const HANDOVER_PHASES = ['access', 'log']

function phasesOf(module: PluginModule): string[] {
  const plugin: Record<string, unknown> = module.Plugin.prototype
  const has = (phase: string): boolean => typeof plugin[phase] === 'function'
  return has('headerFilter') || has('bodyFilter') ? HANDOVER_PHASES : RPC_PHASES.filter(has)
}

/**
 * What Kong reads about an external plugin before it starts. Plain JSON: Lua functions have no place in it, and Kong
 * refuses to start over a description of fewer than 10 or more than 500 characters, so those are left out.
 */
export function dumpOf(module: PluginModule, name: string): JsonObject {
  const config: Record<string, unknown> = { type: 'record', fields: module.Schema ?? [] }
  if (module.ConfigChecks) config.entity_checks = module.ConfigChecks
  const schema: Record<string, unknown> = { name, fields: [...(module.EntityFields ?? []), { config }] }
  if (module.EntityChecks) schema.entity_checks = module.EntityChecks
  const dump = {
    Name: name,
    Version: module.Version ?? '0.0.0',
    Priority: module.Priority ?? 0,
    Phases: phasesOf(module),
    Schema: schema,
  }
  const plain: JsonObject = JSON.parse(JSON.stringify(dump, knownToKong))
  return plain
}

/** A field may itself be called `description`: then the value is no string. */
function knownToKong(key: string, value: Json): Json | undefined {
  const unfit =
    key === 'description' && typeof value === 'string' && (value.length < 10 || value.length > 500)
  return unfit ? undefined : value
}
