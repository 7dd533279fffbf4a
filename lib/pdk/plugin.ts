import type { AttemptFailure, ProcessSettings, UpstreamRequest } from './exchange.js'
import type { FilterKong, Kong } from './kong.js'

/** What a body filter gets and may change: nginx's `ngx.arg[1]` and `ngx.arg[2]`. */
export interface BodyArg {
  /**
   * Bytes of the body, decoded if they were compressed; empty in a flush and at a mere end. Before the upstream's headers a
   * flush may put something here, too: then they go out with the status 200, and the header filters do not run again.
   */
  chunk: Buffer
  /** In: the body ends with this chunk. Out: true ends the answer to the client here and lets the upstream go. */
  eof: boolean
  /**
   * Set it where the rest of the upstream's answer is worth nothing: its connection is closed at once. Else, after an early `eof`,
   * it is kept if the answer ends soon.
   */
  abort?: boolean
  /**
   * The upstream broke off or failed: the body is not whole. A filter that makes a proper end of it deletes this; one that sets
   * it breaks the answer off.
   */
  error?: AttemptFailure | undefined
}

/**
 * An instance of a plugin: one per distinct config. Phases and their order are Kong's. Filters are synchronous, so that
 * nothing comes between a frame's arrival and its departure. `response` and the filters exclude each other.
 */
export interface Plugin {
  /** Global plugins only. */
  rewrite?(kong: Kong): Promise<void> | void
  access?(kong: Kong): Promise<void> | void
  /** The upstream's status and headers are there; nothing has gone to the client. */
  headerFilter?(kong: FilterKong): void
  /** Status and headers go out with the first output of the last body filter; until then they may change. */
  bodyFilter?(kong: FilterKong, arg: BodyArg): void
  /** The upstream's answer has been collected whole. */
  response?(kong: Kong): Promise<void> | void
  /** Once per exchange, after its end. */
  log?(kong: Kong): Promise<void> | void
  /**
   * Of a plugin with filters, where its config makes them needless: does the whole work in a real Kong's access phase, over
   * RPC, so that the request need not be handed over. `kong` is then kong-pdk's bridge, without what is ours. Gives the target
   * that it has set; undefined if it has answered.
   */
  directAccess?: ((kong: Kong, settings: ProcessSettings) => Promise<DirectTarget | undefined>) | undefined
}

/** Where Kong sends a request itself, in the place of its Service. */
export type DirectTarget = Pick<UpstreamRequest, 'scheme' | 'host' | 'port'>

/** One field of a Kong schema: its name and its definition. */
export type SchemaField = Record<string, unknown>

/** What a plugin's module exports: kong-pdk's shape, and what the filters and the checks of Kong's schema need. */
export interface PluginModule {
  Plugin: new (config: never) => Plugin
  /** The module's file name where absent. */
  Name?: string
  Version?: string
  /** Higher runs first. */
  Priority?: number
  /** The fields of `config`, in Kong's schema language. */
  Schema?: SchemaField[]
  /** Entity checks over the fields of `config`. */
  ConfigChecks?: Record<string, unknown>[]
  /** Entity checks over the whole plugin (`config.x.y` paths). */
  EntityChecks?: Record<string, unknown>[]
  /** Other fields of the plugin entity that the schema changes (`protocols`). */
  EntityFields?: SchemaField[]
  /**
   * What Kong's schema language cannot say: called with a valid, complete config. Paths are below `config`, `@entity` for
   * the whole of it; messages are for the operator.
   */
  validate?(config: never): { path: string; message: string }[]
  /** PDK calls whose values must travel with a request that a real Kong hands over: `router.getService`, ... */
  HandoverReads?: readonly string[] | ((config: never) => readonly string[])
}
