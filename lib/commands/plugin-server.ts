import { hostname } from 'node:os'
import path from 'node:path'
import type { Logger } from '../pdk/method.js'
import { startPluginHost } from '../pluginserver/host.js'
import type { PluginDefinition } from '../runtime/definition.js'
import { logSink } from '../runtime/log-sink.js'
import { processLogger } from '../runtime/logger.js'
import {
  addressOption,
  LIVE_PAGE_OPTION,
  LOG_SINK_OPTION,
  MOCK_OPTION,
  mockOption,
  parseOptions,
  usage,
  UsageError,
  WORKERS_OPTION,
  workersOption,
} from './options.js'
import type { Command, OptionTable, Parsed } from './options.js'
import { chosenPlugins, installedPlugins } from './plugins.js'
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
    help: 'where Kong sends handed-over requests; port 0 means any; workers take the ports that follow',
  },
  'relay-advertise': {
    value: 'HOST[:PORT]',
    env: 'KONG_AI_RELAY_ADVERTISE',
    help: 'the relay as Kong reaches it, if that is another address',
  },
  workers: WORKERS_OPTION,
  'event-deadline': {
    value: 'SECONDS',
    env: 'KONG_AI_EVENT_DEADLINE',
    default: '50',
    help: "after which an event is answered for, below Kong's 60",
  },
  'status-listen': {
    value: 'HOST:PORT',
    // Not Kong's own variable: where both have one environment, they would want the same port.
    env: 'KONG_AI_STATUS_LISTEN',
    help: 'where /status and /metrics are answered; nowhere by default',
  },
  'log-sink': LOG_SINK_OPTION,
  'live-page': LIVE_PAGE_OPTION,
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

export const command: Command = { run: pluginServer, usage: usage('plugin-server [options]', OPTIONS) }

/** kong-js-pluginserver takes its long flags with one dash as well. */
const SINGLE_DASH = /^-(?=(?:plugins-directory|kong-prefix|dump-plugin-info|dump-all-plugins)(?:=|$))/

/** `kong-ai plugin-server`: serves plugins to a real Kong until SIGTERM or SIGINT. */
async function pluginServer(args: string[]): Promise<number> {
  const options = parseOptions(
    args.map((arg) => arg.replace(SINGLE_DASH, '--')),
    OPTIONS,
    process.env,
  )
  const log = processLogger(options.has('verbose') ? 'debug' : 'info')
  const folders = [...options.all('plugins'), ...options.all('plugins-directory')]
  const installed = await installedPlugins(folders, log)
  const plugins = chosenPlugins(installed, options.all('plugin'))
  const dumped = options.one('dump') ?? options.one('dump-plugin-info')
  if (dumped !== undefined) return dump(chosenPlugins(byName(plugins), [dumped]))
  if (options.has('dump-all-plugins')) {
    // kong-js-pluginserver has no plugins but those of its folder, and Kong takes the first.
    const builtIn = folders.length > 0 ? await installedPlugins([], log) : new Map()
    return dump(plugins.filter(({ name }) => !builtIn.has(name)))
  }
  await serve(options, { plugins, folders, log })
  return 0
}

function dump(plugins: readonly PluginDefinition[]): number {
  process.stdout.write(`${JSON.stringify(plugins.map(({ schema }) => schema.dump()))}\n`)
  return 0
}

interface Served {
  plugins: PluginDefinition[]
  folders: string[]
  log: Logger
}

async function serve(options: Parsed, { plugins, folders, log }: Served): Promise<void> {
  const mockUrl = mockOption(options)
  const statusListen = options.one('status-listen')
  const target = options.one('log-sink')
  const count = workersOption(options)
  // Workers have their own.
  const sink = target === undefined || count > 1 ? undefined : logSink(target, log)
  const socket = options.one('socket') ?? path.join(options.one('kong-prefix')!, options.one('sock-name')!)
  const host = await startPluginHost({
    socket,
    plugins,
    settings: mockUrl === undefined ? {} : { mockUrl },
    log,
    ...(sink && { sink }),
    statusListen: statusListen === undefined ? undefined : addressOption(statusListen),
    livePage: options.has('live-page'),
    ...relayAddresses(options),
    deadlineMs: seconds(options.one('event-deadline')!) * 1000,
    ...(count > 1 && {
      workers: {
        count,
        program: new URL('relay-worker.js', import.meta.url),
        folders,
        plugins: options.all('plugin'),
        logSink: target,
        verbose: options.has('verbose'),
      },
    }),
    onEvent: (record) => log.debug({ ...record }, 'event'),
  })
  const reopen = () => {
    sink?.reopen()
    host.reopen()
  }
  process.on('SIGHUP', reopen)
  // Before the words by which others know that it serves.
  const stopped = untilStopped()
  const relays = host.relays.map((relay) => `${relay.host}:${relay.port}`)
  process.stdout.write(`plugins on ${socket}\nrelay on ${relays.join(' ')}\n`)
  if (host.statusUrl !== undefined) process.stdout.write(`status on ${host.statusUrl}/status\n`)
  await stopped
  await host.close()
  process.off('SIGHUP', reopen)
  await sink?.close()
  log.info({ ...host.counters, logLinesDropped: sink?.dropped ?? 0 }, 'plugin server stopped')
}

function byName(plugins: readonly PluginDefinition[]): Map<string, PluginDefinition> {
  return new Map(plugins.map((plugin) => [plugin.name, plugin]))
}

/** Where the relay listens, and where Kong finds it: in a container under the container's name. */
function relayAddresses(options: Parsed) {
  const listen = addressOption(options.one('relay-listen')!)
  const text = options.one('relay-advertise')
  if (text === undefined) {
    const anywhere = listen.host === '0.0.0.0' || listen.host === '::'
    return { listen, ...(anywhere && { advertise: { host: hostname() } }) }
  }
  const advertise = /:\d+$/.test(text) ? addressOption(text) : { host: addressOption(`${text}:0`).host }
  return { listen, advertise }
}

function seconds(text: string): number {
  const value = Number(text)
  if (!(value > 0 && value < 60)) throw new UsageError(`--event-deadline: '${text}' is not between 0 and 60`)
  return value
}
