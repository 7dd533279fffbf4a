import type { Socket } from 'node:net'
import type { ProcessSettings } from '../pdk/exchange.js'
import type { Logger } from '../pdk/method.js'
import type { PluginDefinition } from '../runtime/definition.js'
import { door, type Door } from '../runtime/listener.js'
import type { LogSink } from '../runtime/log-sink.js'
import type { ConnectionMethods } from '../runtime/workers/intake.js'
import type { Peer } from '../runtime/workers/peer.js'
import { reportMethods, type ReportMethods } from '../runtime/workers/report-methods.js'
import { overCounter, type Begun, type ParentMethods } from '../runtime/workers/worker-process.js'
import type { GatewayConfig, Service } from './entities.js'
import { Gateway } from './gateway.js'

/** A checked config as plain data. */
export interface PlainConfig extends Omit<GatewayConfig, 'services'> {
  readonly services: readonly Service[]
}

/** What a gateway worker starts with: plain data. */
export interface GatewayWorkerOptions {
  readonly config: PlainConfig
  readonly settings: ProcessSettings
  readonly livePage: boolean
  /** What its process is to make of the command line. */
  readonly process: GatewayProcessOptions
}

/** What a process needs to have the same plugins and the same log as its parent. */
export interface GatewayProcessOptions {
  /** Of plugins. */
  readonly folders: readonly string[]
  readonly logSink: string | undefined
}

/** What the parent asks a gateway worker for. */
export interface GatewayWorkerMethods extends ReportMethods, ConnectionMethods {
  start(options: GatewayWorkerOptions): Promise<null>
  /** Fails where a plugin's constructor does: the config before it stays. */
  reload(config: PlainConfig): void
  /** Opens log files anew. */
  reopen(none: null): void
}

export interface GatewayWorkerSurroundings {
  /** By name. */
  readonly plugins: ReadonlyMap<string, PluginDefinition>
  readonly log: Logger
  readonly sink: LogSink | undefined
}

/** Starts a gateway whose connections another process accepts. */
export async function gatewayWorker(
  { config, settings, livePage }: GatewayWorkerOptions,
  { plugins, log, sink }: GatewayWorkerSurroundings,
  parent: Peer<ParentMethods>,
): Promise<Begun<GatewayWorkerMethods>> {
  let connections: Door | undefined
  const gateway = await Gateway.start({
    plugins,
    settings,
    livePage,
    log,
    sink,
    config: configOf(config),
    proxyListen: (onRequest) => (connections = door(onRequest)),
  })
  const over = overCounter(parent)
  return {
    started: null,
    methods: {
      connection(_, socket?: Socket) {
        // It may have closed on its way.
        if (socket) connections!.open(socket, over)
        else over()
      },
      reload: (next) => gateway.reload(configOf(next)),
      reopen: () => sink?.reopen(),
      ...reportMethods(gateway.observation, () => gateway.server()),
      async close(graceMs) {
        await gateway.close(graceMs)
        await sink?.close()
      },
    },
  }
}

export function plainConfig(config: GatewayConfig): PlainConfig {
  return { ...config, services: [...config.services.values()] }
}

function configOf(plain: PlainConfig): GatewayConfig {
  return { ...plain, services: new Map(plain.services.map((service) => [service.id, service])) }
}
