import * as aiProxy from '../../plugins/ai-proxy/index.js'
import * as redact from '../../plugins/redact/index.js'
import type { Logger } from '../pdk/method.js'
import type { PluginModule } from '../pdk/plugin.js'
import type { PluginDefinition } from '../runtime/definition.js'
import { loadPluginsFolder } from '../runtime/loader.js'
import { configSchema } from '../schema/schema.js'
import { UsageError } from './options.js'

const BUILT_IN: readonly PluginModule[] = [aiProxy, redact]

/**
 * The plugins that this process can run: those that come along, and those of the operator's folders.
 *
 * @throws Error naming the file that cannot be loaded, or the name that two plugins have
 */
export async function installedPlugins(
  folders: readonly string[],
  log: Logger,
): Promise<Map<string, PluginDefinition>> {
  const installed = new Map<string, PluginDefinition>()
  const install = (module: PluginModule, name: string, origin: string) => {
    if (installed.has(name)) throw new Error(`${origin}: there is another plugin named '${name}'`)
    installed.set(name, { name, module, schema: configSchema(module, name) })
  }
  for (const module of BUILT_IN) install(module, module.Name!, 'built-in')
  for (const folder of folders) {
    for (const { name, module, file } of await loadPluginsFolder(folder, log)) install(module, name, file)
  }
  return installed
}

/**
 * The plugins to serve, under the names to serve them by.
 *
 * @param wanted `NAME` or `NAME=ALIAS`; none: all
 * @throws UsageError
 */
export function chosenPlugins(
  installed: ReadonlyMap<string, PluginDefinition>,
  wanted: readonly string[],
): PluginDefinition[] {
  if (wanted.length === 0) return [...installed.values()]
  return wanted.map((one) => {
    const [name = '', alias = name] = one.split('=')
    const definition = installed.get(name)
    if (!definition) {
      throw new UsageError(`there is no plugin '${name}': there are ${[...installed.keys()].join(', ')}`)
    }
    if (alias === name) return definition
    const module = { ...definition.module, Name: alias }
    return { name: alias, module, schema: configSchema(module, alias) }
  })
}
