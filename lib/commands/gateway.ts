import { formatFault } from '../gateway/faults.js'
import type { GatewayConfig } from '../gateway/entities.js'
import type * as GatewayFile from '../gateway/gateway.js'
import type { GatewayWorkersOptions } from '../gateway/gateway-workers.js'
import type { PluginDefinition } from '../runtime/definition.js'
import { logSink } from '../runtime/log-sink.js'
import { processLogger } from '../runtime/logger.js'
import { readConfig } from './config-file.js'
import { load } from './load.js'
import {
  addressOption,
  type Command,
  LIVE_PAGE_OPTION,
  LOG_SINK_OPTION,
  MOCK_OPTION,
  mockOption,
  parseOptions,
  usage,
  WORKERS_OPTION,
  workersOption,
  type OptionTable,
} from './options.js'
import { installedPlugins } from './plugins.js'
import { Reloader } from './reload.js'
import { untilStopped } from './signals.js'

export const GATEWAY_OPTIONS = {
  config: {
    value: 'FILE',
    env: 'KONG_DECLARATIVE_CONFIG',
    default: 'kong.yml',
    help: 'the declarative config',
  },
  watch: { help: 'reload the config when its file changes, as SIGHUP does' },
  'proxy-listen': {
    value: 'HOST:PORT',
    env: 'KONG_PROXY_LISTEN',
    default: '127.0.0.1:8000',
    help: 'where clients connect; port 0 means any',
  },
  'status-listen': {
    value: 'HOST:PORT',
    env: 'KONG_STATUS_LISTEN',
    default: '127.0.0.1:8100',
    help: 'where /status and /metrics are answered',
  },
  plugins: {
    value: 'DIR',
    env: 'KONG_AI_PLUGINS',
    multiple: true,
    help: 'a folder of plugins; may be repeated',
  },
  'log-sink': LOG_SINK_OPTION,
  'live-page': LIVE_PAGE_OPTION,
  workers: WORKERS_OPTION,
  mock: MOCK_OPTION,
} as const satisfies OptionTable

export const command: Command = { run: gateway, usage: usage('gateway [options]', GATEWAY_OPTIONS) }

/** `kong-ai gateway`: serves a declarative config until SIGTERM or SIGINT. */
async function gateway(args: string[]): Promise<number> {
  const started = await startGateway(args, {
    mockUrl: mockOption(parseOptions(args, GATEWAY_OPTIONS, process.env)),
  })
  if (!started) return 1
  const { proxyUrl, statusUrl } = started
  // Before the words by which others know that it serves.
  const stopped = untilStopped()
  process.stdout.write(`proxy on ${proxyUrl}\nstatus on ${statusUrl}/status\n`)
  await stopped
  await started.close()
  return 0
}

export interface StartedGateway extends Pick<ServingGateway, 'proxyUrl' | 'statusUrl'> {
  readonly config: GatewayConfig
  /** Lets answers in flight end, and their log entries out. */
  close(): Promise<void>
}

/** A gateway in this process, or one in several. */
interface ServingGateway {
  readonly proxyUrl: string
  readonly statusUrl: string
  reload(config: GatewayConfig): void | Promise<void>
  reopen(): void
  close(): Promise<void>
}

/**
 * Starts the gateway that a command line describes.
 *
 * @returns undefined where the config has faults, which have been printed
 */
export async function startGateway(
  args: string[],
  { mockUrl, livePage = false }: { mockUrl: string | undefined; livePage?: boolean },
): Promise<StartedGateway | undefined> {
  const options = parseOptions(args, GATEWAY_OPTIONS, process.env)
  const count = workersOption(options)
  const log = processLogger()
  const folders = options.all('plugins')
  const plugins = await installedPlugins(folders, log)
  const file = options.one('config')!
  const loaded = await readConfig(file, plugins)
  if ('faults' in loaded) {
    for (const fault of loaded.faults) process.stderr.write(`${formatFault(fault)}\n`)
    return undefined
  }
  if (mockUrl === undefined) {
    for (const warning of loaded.warnings)
      log.warn({ at: formatFault(warning) }, 'a vault reference is empty')
  }
  const setting = {
    config: loaded.config,
    proxyListen: addressOption(options.one('proxy-listen')!),
    statusListen: addressOption(options.one('status-listen')!),
    settings: mockUrl === undefined ? {} : { mockUrl },
    log,
    livePage: livePage || options.has('live-page'),
  }
  const logTarget = options.one('log-sink')
  const gateway =
    count === 1
      ? await inThisProcess(setting, plugins, logTarget)
      : await inWorkers(setting, count, { folders, logSink: logTarget })
  const reloader = new Reloader({ file, plugins, gateway, log })
  if (options.has('watch')) await reloader.watch()
  const onHangUp = () => {
    gateway.reopen()
    void reloader.reload()
  }
  process.on('SIGHUP', onHangUp)
  return {
    proxyUrl: gateway.proxyUrl,
    statusUrl: gateway.statusUrl,
    config: loaded.config,
    async close() {
      reloader.close()
      await gateway.close()
      process.off('SIGHUP', onHangUp)
    },
  }
}

type Setting = Omit<GatewayWorkersOptions, 'count' | 'program' | 'process'>

/** What serves is loaded only here: beside workers this process does not. */
async function inThisProcess(
  setting: Setting,
  plugins: ReadonlyMap<string, PluginDefinition>,
  logTarget: string | undefined,
): Promise<ServingGateway> {
  const file = new URL('../gateway/gateway.js', import.meta.url)
  const { Gateway } = (await load(file)) as typeof GatewayFile
  const sink = logTarget === undefined ? undefined : logSink(logTarget, setting.log)
  const gateway = await Gateway.start({ ...setting, plugins, sink })
  return {
    proxyUrl: gateway.proxyUrl,
    statusUrl: gateway.statusUrl,
    reload: (config) => gateway.reload(config),
    reopen: () => sink?.reopen(),
    async close() {
      await gateway.close()
      await sink?.close()
    },
  }
}

/** What has to do with workers is loaded only here. */
async function inWorkers(
  setting: Setting,
  count: number,
  process: GatewayWorkersOptions['process'],
): Promise<ServingGateway> {
  const { GatewayWorkers } = await import('../gateway/gateway-workers.js')
  return GatewayWorkers.start({
    ...setting,
    count,
    program: new URL('gateway-worker.js', import.meta.url),
    process,
  })
}
