import { formatFault } from '../gateway/faults.js'
import { Gateway } from '../gateway/gateway.js'
import type { GatewayConfig } from '../gateway/entities.js'
import { processLogger } from '../runtime/logger.js'
import { readConfig } from './config-file.js'
import { addressOption, MOCK_OPTION, mockOption, parseOptions, usage, type OptionTable } from './options.js'
import { installedPlugins } from './plugins.js'
import { untilStopped } from './signals.js'

export const GATEWAY_OPTIONS = {
  config: {
    value: 'FILE',
    env: 'KONG_DECLARATIVE_CONFIG',
    default: 'kong.yml',
    help: 'the declarative config',
  },
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
    help: 'where GET /status is answered',
  },
  plugins: {
    value: 'DIR',
    env: 'KONG_AI_PLUGINS',
    multiple: true,
    help: 'a folder of plugins; may be repeated',
  },
  mock: MOCK_OPTION,
} as const satisfies OptionTable

export const gatewayUsage = usage('gateway [options]', GATEWAY_OPTIONS)

/** `kong-ai gateway`: serves a declarative config until SIGTERM or SIGINT. */
export async function gateway(args: string[]): Promise<number> {
  const started = await startGateway(args, mockOption(parseOptions(args, GATEWAY_OPTIONS, process.env)))
  if (!started) return 1
  process.stdout.write(
    `proxy on ${started.gateway.proxyUrl}\nstatus on ${started.gateway.statusUrl}/status\n`,
  )
  await untilStopped()
  await started.gateway.close()
  return 0
}

/**
 * Starts the gateway that a command line describes.
 *
 * @returns undefined where the config has faults, which have been printed
 */
export async function startGateway(
  args: string[],
  mockUrl: string | undefined,
): Promise<{ gateway: Gateway; config: GatewayConfig } | undefined> {
  const options = parseOptions(args, GATEWAY_OPTIONS, process.env)
  const log = processLogger()
  const plugins = await installedPlugins(options.all('plugins'), log)
  const loaded = await readConfig(options.one('config')!, plugins)
  if ('faults' in loaded) {
    for (const fault of loaded.faults) process.stderr.write(`${formatFault(fault)}\n`)
    return undefined
  }
  if (mockUrl === undefined) {
    for (const warning of loaded.warnings)
      log.warn({ at: formatFault(warning) }, 'a vault reference is empty')
  }
  const gateway = await Gateway.start({
    config: loaded.config,
    plugins,
    proxyListen: addressOption(options.one('proxy-listen')!),
    statusListen: addressOption(options.one('status-listen')!),
    settings: mockUrl === undefined ? {} : { mockUrl },
    log,
  })
  return { gateway, config: loaded.config }
}
