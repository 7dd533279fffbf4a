import type { PluginModule } from '../../lib/pdk/plugin.js'
import type { EventRecord } from '../../lib/pluginserver/events.js'
import { type PluginHost, type PluginHostOptions, startPluginHost } from '../../lib/pluginserver/host.js'
import type { JsonObject } from '../../lib/llm/json.js'
import { closing } from './closing.js'
import { parseObject } from './json.js'
import { KongDouble, type KongDoubleOptions, type Run } from './kong-double.js'
import { chained, type FrontOptions, type KongFront, listenAsKong } from './kong-double-http.js'
import { type LogLine, until } from './plugin-server.js'
import { schemaOf } from './schema-of.js'
import { temporarySocket } from './temp-socket.js'

/** Plugins served to a Kong double, in this process; closed after the test. */
export interface TestHost {
  readonly host: PluginHost
  readonly socket: string
  readonly relayUrl: string
  readonly log: readonly LogLine[]
  readonly records: readonly EventRecord[]
  /** Log entries, in the order in which they were written. */
  readonly entries: readonly JsonObject[]
  /** The log entry at a place, once it is written. */
  readonly entry: (place: number) => Promise<JsonObject>
  /** A Kong with these plugins on its one route, in the order in which they run. */
  readonly kong: (plugins: Record<string, object>, options?: TestKongOptions) => Promise<TestKong>
}

export interface TestKongOptions extends FrontOptions {
  readonly double?: Partial<KongDoubleOptions>
}

export interface TestKong extends KongFront {
  readonly doubles: readonly KongDouble[]
  /** The request at a place, once its log phase is over. */
  readonly run: (place?: number) => Promise<Run>
}

export async function pluginHost(
  modules: readonly PluginModule[],
  options: Partial<PluginHostOptions> = {},
): Promise<TestHost> {
  const socket = options.socket ?? temporarySocket()
  const log: LogLine[] = []
  const records: EventRecord[] = []
  const entries: JsonObject[] = []
  const level = (name: string) => (fields: Record<string, unknown>, message: string) =>
    void log.push({ level: name, message, fields })
  const host = await startPluginHost({
    socket,
    plugins: modules.map((module) => {
      const schema = schemaOf(module)
      return { name: schema.name, module, schema }
    }),
    listen: { host: '127.0.0.1', port: 0 },
    settings: {},
    deadlineMs: 5000,
    log: { debug: level('debug'), info: level('info'), warn: level('warn'), error: level('error') },
    sink: {
      dropped: 0,
      pending: 0,
      write: (entry) => void entries.push(parseObject(entry)),
      reopen() {},
      async close() {},
    },
    onEvent: (record) => void records.push(record),
    ...options,
  })
  closing({ close: () => host.close(0) })
  return {
    host,
    socket,
    log,
    records,
    entries,
    relayUrl: `http://${host.relays[0]!.host}:${host.relays[0]!.port}`,
    async entry(place) {
      await until(() => entries.length > place)
      return entries[place]!
    },
    async kong(plugins, { double, ...front } = {}) {
      const doubles = Object.entries(plugins).map(
        ([plugin, config]) => new KongDouble({ socket, plugin, config, ...double }),
      )
      for (const one of doubles) closing({ close: async () => one.close() })
      const [first, ...others] = doubles
      const listening = closing(await listenAsKong(chained(first!, ...others), front))
      return {
        ...listening,
        doubles,
        async run(place = 0) {
          await until(() => listening.runs.length > place)
          return listening.runs[place]!
        },
      }
    },
  }
}
