import type { PluginModule } from '../../lib/pdk/plugin.js'
import { loadDeclarative } from '../../lib/gateway/declarative.js'
import { formatFault } from '../../lib/gateway/faults.js'
import { Gateway } from '../../lib/gateway/gateway.js'
import type { ProcessSettings } from '../../lib/pdk/exchange.js'
import type { Logger } from '../../lib/pdk/method.js'
import type { ClientLimits } from '../../lib/runtime/client-limits.js'
import type { PluginDefinition } from '../../lib/runtime/definition.js'
import type { LogSink } from '../../lib/runtime/log-sink.js'
import { schemaOf } from './schema-of.js'

export interface TestGateway {
  url: string
  statusUrl: string
  /** What was logged at `warn` and above. */
  problems: { fields: Record<string, unknown>; message: string }[]
  gateway: Gateway
  close(): Promise<void>
}

export interface TestGatewayOptions {
  settings?: ProcessSettings
  env?: Record<string, string>
  limits?: ClientLimits
  sink?: LogSink
  livePage?: boolean
}

const ANY_PORT = { host: '127.0.0.1', port: 0 }

/** Starts a gateway on free ports from the text of a declarative config. */
export async function testGateway(
  yaml: string,
  modules: PluginModule[] = [],
  { settings = {}, env = {}, limits, sink, livePage = false }: TestGatewayOptions = {},
): Promise<TestGateway> {
  const plugins = new Map<string, PluginDefinition>()
  for (const module of modules) {
    const name = module.Name!
    plugins.set(name, { name, module, schema: schemaOf(module) })
  }
  const schemas = new Map([...plugins].map(([name, { schema }]) => [name, schema]))
  const loaded = loadDeclarative(yaml, { plugins: schemas, env, file: 'kong.yml' })
  if ('faults' in loaded) throw new Error(loaded.faults.map(formatFault).join('\n'))
  const problems: TestGateway['problems'] = []
  const note = (fields: object, message: string) => {
    problems.push({ fields: fields as Record<string, unknown>, message })
  }
  const log: Logger = { debug() {}, info() {}, warn: note, error: note }
  const gateway = await Gateway.start({
    config: loaded.config,
    plugins,
    proxyListen: ANY_PORT,
    statusListen: ANY_PORT,
    settings,
    log,
    ...(limits && { limits }),
    sink,
    livePage,
  })
  return {
    url: gateway.proxyUrl,
    statusUrl: gateway.statusUrl,
    problems,
    gateway,
    // Nobody waits for what is left under way.
    close: () => gateway.close(0),
  }
}
