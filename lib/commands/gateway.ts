import { formatFault } from '../gateway/faults.js'
import { Gateway } from '../gateway/gateway.js'
import type { GatewayConfig } from '../gateway/entities.js'
import { logSink } from '../runtime/log-sink.js'
import { processLogger } from '../runtime/logger.js'
import { readConfig } from './config-file.js'
import {
  addressOption,
  LIVE_PAGE_OPTION,
  LOG_SINK_OPTION,
  MOCK_OPTION,
  mockOption,
  parseOptions,
  usage,
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
  mock: MOCK_OPTION,
} as const satisfies OptionTable

export const gatewayUsage = usage('gateway [options]', GATEWAY_OPTIONS)

/** `kong-ai gateway`: serves a declarative config until SIGTERM or SIGINT. */
export async function gateway(args: string[]): Promise<number> {
  const started = await startGateway(args, {
    mockUrl: mockOption(parseOptions(args, GATEWAY_OPTIONS, process.env)),
  })
  if (!started) return 1
  const { proxyUrl, statusUrl } = started.gateway
  // Before the words by which others know that it serves.
  const stopped = untilStopped()
  process.stdout.write(`proxy on ${proxyUrl}\nstatus on ${statusUrl}/status\n`)
  await stopped
  await started.close()
  return 0
}

export interface StartedGateway {
  readonly gateway: Gateway
  readonly config: GatewayConfig
  /** Lets answers in flight end, and their log entries out. */
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
  const log = processLogger()
  const plugins = await installedPlugins(options.all('plugins'), log)
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
  const target = options.one('log-sink')
  const sink = target === undefined ? undefined : logSink(target, log)
  const gateway = await Gateway.start({
    config: loaded.config,
    plugins,
    proxyListen: addressOption(options.one('proxy-listen')!),
    statusListen: addressOption(options.one('status-listen')!),
    settings: mockUrl === undefined ? {} : { mockUrl },
    log,
    sink,
    livePage: livePage || options.has('live-page'),
  })
  const reloader = new Reloader({ file, plugins, gateway, log })
  if (options.has('watch')) await reloader.watch()
  const onHangUp = () => {
    sink?.reopen()
    void reloader.reload()
  }
  process.on('SIGHUP', onHangUp)
  return {
    gateway,
    config: loaded.config,
    async close() {
      reloader.close()
      await gateway.close()
      process.off('SIGHUP', onHangUp)
      await sink?.close()
    },
  }
}
