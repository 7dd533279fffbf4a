import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { HostedPlugin } from '../../lib/pluginserver/hosted.js'
import type { PluginModule } from '../../lib/pdk/plugin.js'
import { configSchema } from '../../lib/schema/schema.js'

/** The folder of the recordings' test plugin, for a server that loads plugins from a folder. */
export const PROBE_FOLDER = fileURLToPath(new URL('../fixtures/plugins-probe/', import.meta.url))

/** The recordings' test plugin; its header `x-scenario` says what it does. */
export function probePlugin(): HostedPlugin {
  const module = createRequire(import.meta.url)(`${PROBE_FOLDER}probe.cjs`) as PluginModule
  return { module, schema: configSchema(module, 'probe') }
}
