import type { PdkHost } from '../pdk/method.js'
import type { PluginChain } from './chain.js'
import type { Binding, Exit, LiveExchange } from './exchange.js'
import type { Telemetry } from './telemetry/telemetry.js'
import type { Upstreams } from './upstream.js'

/** What a request goes to and the plugins that run, or the host's own answer to it. */
export type Routed = { binding: Binding; plugins: PluginChain } | { exit: Exit }

/** What a host gives the pipeline. */
export interface PipelineHost {
  readonly upstreams: Upstreams
  readonly pdk: PdkHost
  readonly telemetry: Telemetry
  /** The client itself is on the other side, and not a Kong. */
  readonly edge: boolean
  /** Plugins without a scope: the only ones whose `rewrite` runs, and all that run without a route. */
  readonly globals: PluginChain
  route(x: LiveExchange): Routed
  /** Resolves when all that the log entry needs is there. */
  ended?(x: LiveExchange): Promise<void>
  /** Takes the entry once the plugins' log phases have run. */
  record?(x: LiveExchange): void
}
