import { hostname } from 'node:os'
import path from 'node:path'
import type { HandoverCounters, RelayAddress } from '../pluginserver/handover.js'
import { checkReads, handoverHandlers, hasFilters } from '../pluginserver/handover.js'
import type { HostedPlugin } from '../pluginserver/hosted.js'
import { Relay } from '../pluginserver/relay.js'
import { startPluginServer } from '../pluginserver/server.js'
import { Tickets } from '../pluginserver/tickets.js'
import type { PdkHost } from '../pdk/method.js'
import type { PluginDefinition } from '../runtime/definition.js'
import { logSink } from '../runtime/log-sink.js'
import { processPdkHost } from '../runtime/pdk-host.js'
import { processLogger } from '../runtime/logger.js'
import { configSchema } from '../schema/schema.js'
import { addressOption, MOCK_OPTION, mockOption, parseOptions, usage, UsageError } from './options.js'
import type { OptionTable, Parsed } from './options.js'
import { installedPlugins } from './plugins.js'
import { untilStopped } from './signals.js'

const OPTIONS: OptionTable = {
  socket: { value: 'PATH', env: 'KONG_AI_SOCKET', help: 'the unix socket that Kong connects to' },
  plugins: {
    value: 'DIR',
    env: 'KONG_AI_PLUGINS',
    multiple: true,
    help: 'a folder of plugins; may be repeated',
  },
  plugin: {
    value: 'NAME[=ALIAS]',
    env: 'KONG_AI_PLUGIN',
    multiple: true,
    help: 'serve this plugin (under another name); all by default',
  },
  'relay-listen': {
    value: 'HOST:PORT',
    env: 'KONG_AI_RELAY_LISTEN',
    default: '127.0.0.1:0',
    help: 'where Kong sends handed-over requests; port 0 means any',
  },
  'relay-advertise': {
    value: 'HOST[:PORT]',
    env: 'KONG_AI_RELAY_ADVERTISE',
    help: 'the relay as Kong reaches it, if that is another address',
  },
  'event-deadline': {
    value: 'SECONDS',
    env: 'KONG_AI_EVENT_DEADLINE',
    default: '50',
    help: "after which an event is answered for, below Kong's 60",
  },
  'log-sink': { value: 'stdout|FILE|URL', env: 'KONG_AI_LOG_SINK', help: 'where log entries go' },
  mock: MOCK_OPTION,
  dump: { value: 'NAME', help: "print what Kong's query_cmd wants of a plugin, and exit" },
  // kong-js-pluginserver's own, so that this one drops in where that one stood.
  'plugins-directory': { value: 'DIR', short: 'd', multiple: true, help: 'as --plugins' },
  'kong-prefix': { value: 'DIR', short: 'p', default: '/usr/local/kong', help: 'the folder of --sock-name' },
  'sock-name': {
    value: 'NAME',
    default: 'js_pluginserver.sock',
    help: 'the socket, where --socket is not given',
  },
  'dump-plugin-info': { value: 'NAME', help: 'as --dump' },
  'dump-all-plugins': { help: 'as --dump, of every plugin; Kong reads the first alone' },
  verbose: { short: 'v', help: 'log debug lines too' },
}

export const pluginServerUsage = usage('plugin-server [options]', OPTIONS)

/** kong-js-pluginserver takes its long flags with one dash as well. */
const SINGLE_DASH = /^-(?=(?:plugins-directory|kong-prefix|dump-plugin-info|dump-all-plugins)(?:=|$))/

/** `kong-ai plugin-server`: serves plugins to a real Kong until SIGTERM or SIGINT. */
export async function pluginServer(args: string[]): Promise<number> {
  const options = parseOptions(
    args.map((arg) => arg.replace(SINGLE_DASH, '--')),
    OPTIONS,
    process.env,
  )
  const log = processLogger(options.has('verbose') ? 'debug' : 'info')
  const folders = [...options.all('plugins'), ...options.all('plugins-directory')]
  const plugins = chosen(await installedPlugins(folders, log), options.all('plugin'))
  const dumped = options.one('dump') ?? options.one('dump-plugin-info')
  if (dumped !== undefined || options.has('dump-all-plugins')) {
    const dumps = plugins.filter(({ name }) => dumped === undefined || name === dumped)
    if (dumps.length === 0) throw new Error(`there is no plugin '${dumped}': there are ${names(plugins)}`)
    process.stdout.write(`${JSON.stringify(dumps.map(({ schema }) => schema.dump()))}\n`)
    return 0
  }
  const server = await serve(options, plugins, log)
  await untilStopped()
  await server.close()
  return 0
}

async function serve(options: Parsed, plugins: PluginDefinition[], log: PdkHost['logger']) {
  const mockUrl = mockOption(options)
  const settings = mockUrl === undefined ? {} : { mockUrl }
  const sinkTarget = options.one('log-sink')
  const sink = sinkTarget === undefined ? undefined : logSink(sinkTarget, log)
  const tickets = new Tickets()
  const relay = await Relay.start({
    listen: addressOption(options.one('relay-listen')!),
    tickets,
    pdk: processPdkHost(log),
    settings,
    ...(sink && { sink }),
  })
  const advertised = advertise(options, relay.port)
  const counters: HandoverCounters = { strayLogEvents: 0 }
  const hosted = plugins.map(({ name, module, schema }): HostedPlugin => {
    if (!hasFilters(module)) return { module, schema }
    if (Array.isArray(module.HandoverReads)) checkReads(module.HandoverReads as readonly string[], name)
    return { module, schema, handlers: handoverHandlers(module, tickets, advertised, settings, counters) }
  })
  const socket = options.one('socket') ?? path.join(options.one('kong-prefix')!, options.one('sock-name')!)
  const deadlineMs = seconds(options.one('event-deadline')!) * 1000
  const server = await startPluginServer({ socket, plugins: hosted, log, deadlineMs }).catch(
    async (error) => {
      await relay.close(0)
      throw error
    },
  )
  const reopen = () => sink?.reopen()
  process.on('SIGHUP', reopen)
  process.stdout.write(`plugins on ${socket}\nrelay on ${advertised.host}:${advertised.port}\n`)
  return {
    async close() {
      await Promise.all([server.close(), relay.close(deadlineMs)])
      process.off('SIGHUP', reopen)
      await sink?.close()
    },
  }
}

/** The plugins to serve, under the names to serve them by. */
function chosen(installed: ReadonlyMap<string, PluginDefinition>, wanted: string[]): PluginDefinition[] {
  if (wanted.length === 0) return [...installed.values()]
  return wanted.map((one) => {
    const [name, alias = name] = one.split('=')
    const definition = installed.get(name!)
    if (!definition)
      throw new UsageError(`there is no plugin '${name}': there are ${names([...installed.values()])}`)
    if (alias === name) return definition
    const module = { ...definition.module, Name: alias! }
    return { name: alias!, module, schema: configSchema(module, alias!) }
  })
}

function names(plugins: readonly PluginDefinition[]): string {
  return plugins.map(({ name }) => name).join(', ')
}

function advertise(options: Parsed, port: number): RelayAddress {
  const text = options.one('relay-advertise')
  if (text !== undefined) return addressOption(/:\d+$/.test(text) ? text : `${text}:${port}`)
  const { host } = addressOption(options.one('relay-listen')!)
  return { host: host === '0.0.0.0' || host === '::' ? hostname() : host, port }
}

function seconds(text: string): number {
  const value = Number(text)
  if (!(value > 0 && value < 60)) throw new UsageError(`--event-deadline: '${text}' is not between 0 and 60`)
  return value
}
