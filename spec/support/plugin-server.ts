import { onTestFinished } from 'vitest'
import type { PluginModule } from '../../lib/pdk/plugin.js'
import type { EventRecord } from '../../lib/pluginserver/events.js'
import type { HostedPlugin } from '../../lib/pluginserver/hosted.js'
import {
  startPluginServer,
  type PluginServer,
  type PluginServerOptions,
} from '../../lib/pluginserver/server.js'
import { configSchema } from '../../lib/schema/schema.js'
import { KongDouble, type KongDoubleOptions } from './kong-double.js'
import { RpcPeer } from './kong-double-rpc.js'
import { temporarySocket } from './temp-socket.js'

export interface LogLine {
  readonly level: string
  readonly message: string
  readonly fields: Record<string, unknown>
}

/** A plugin server of a test, with all that it said. */
export interface TestServer {
  readonly server: PluginServer
  readonly socket: string
  readonly log: readonly LogLine[]
  /** Events that are over. */
  readonly records: readonly EventRecord[]
  /** A Kong in front of it. */
  readonly kong: (options?: Partial<KongDoubleOptions>) => KongDouble
  /** A bare connection to it. */
  readonly connect: () => Promise<RpcPeer>
}

export function hosted(module: PluginModule, handlers?: HostedPlugin['handlers']): HostedPlugin {
  return { module, schema: configSchema(module, 'example'), ...(handlers && { handlers }) }
}

export async function testServer(
  plugin: HostedPlugin,
  options: Partial<PluginServerOptions> = {},
): Promise<TestServer> {
  const socket = options.socket ?? temporarySocket()
  const records: EventRecord[] = []
  const log: LogLine[] = []
  const level = (name: string) => (fields: Record<string, unknown>, message: string) =>
    void log.push({ level: name, message, fields })
  const server = await startPluginServer({
    socket,
    plugins: [plugin],
    log: { debug: level('debug'), info: level('info'), warn: level('warn'), error: level('error') },
    onEvent: (record) => void records.push(record),
    ...options,
  })
  onTestFinished(() => server.close(0))
  return {
    server,
    socket,
    log,
    records,
    kong(more) {
      const double = new KongDouble({ socket, plugin: plugin.schema.name, ...more })
      onTestFinished(() => double.close())
      return double
    },
    async connect() {
      const peer = await RpcPeer.connect(socket)
      onTestFinished(() => peer.close())
      return peer
    },
  }
}

/** Starts an instance over a bare connection; gives its id. */
export async function startInstance(peer: RpcPeer, name = 'example', config: object = {}): Promise<number> {
  peer.ask(1, 'StartInstance', { Name: name, Config: JSON.stringify(config) })
  const [, , error, result] = (await peer.next()) as [number, number, string | null, { Id: number }]
  if (error !== null) throw new Error(error)
  return result.Id
}

/** Resolves when `done` holds. */
export async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setTimeout(resolve, 2))
}
