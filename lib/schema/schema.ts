import { isObject, type JsonObject } from '../llm/json.js'
import type { PluginModule } from '../pdk/plugin.js'
import { withDefaults } from './defaults.js'
import { dumpOf } from './dump.js'
import { EntityChecker } from './entity-checks.js'
import { type Field, type FieldEntry, isReference, referenceablePaths } from './field.js'
import { compileField, type Fault, type Validator } from './validator.js'

export type { Fault }

/** The schema of a plugin's config, as Kong would apply it. */
export interface ConfigSchema {
  readonly name: string
  /** Higher runs first. */
  readonly priority: number
  readonly version: string
  /** Paths of the fields that take vault references: `auth.header_value`; `*` stands for the items of an array. */
  readonly referenceable: readonly string[]
  /**
   * Checks a config and fills in Kong's defaults; `null` counts as absent. Takes any value. Only a config without
   * faults is complete; it shares nothing with the given one but what the schema does not look into.
   *
   * Vault references pass every check of their field. With `resolved` they have been replaced by their values,
   * and an empty string in a referenceable field is one whose value was missing: it passes, too.
   */
  check(config: unknown, options?: { resolved?: boolean }): { config: JsonObject; faults: Fault[] }
  /** What Kong's `pluginserver_*_query_cmd` wants to read: one entry of the array that it prints. */
  dump(): JsonObject
}

/**
 * Reads the schema of a plugin's module. Nothing is compiled before the first `check`.
 *
 * @param fileName the plugin's name where the module exports none
 */
export function configSchema(module: PluginModule, fileName: string): ConfigSchema {
  const name = (module.Name ?? fileName).toLowerCase()
  const root = rootOf(module)
  const entityChecks = new EntityChecker(root, module.EntityChecks ?? [])
  let validate: Validator | undefined

  return {
    name,
    priority: module.Priority ?? 0,
    version: module.Version ?? '0.0.0',
    referenceable: referenceablePaths(root),

    check(given, { resolved = false } = {}) {
      const unresolved = resolved ? (value: unknown) => value === '' || isReference(value) : isReference
      const config = withDefaults(root, given)
      validate ??= compileField(root)
      const faults = validate(config, unresolved)
      entityChecks.check(config, faults, unresolved)
      if (faults.length === 0) faults.push(...(module.validate?.(config as never) ?? []))
      return { config: isObject(config) ? config : {}, faults }
    },

    dump: () => dumpOf(module, name),
  }
}

/** A plugin's `config` as the field that it is. */
export function rootOf(module: PluginModule): Field {
  const root: Field = { type: 'record', required: true, fields: (module.Schema ?? []) as FieldEntry[] }
  if (module.ConfigChecks) root.entity_checks = module.ConfigChecks
  return root
}
