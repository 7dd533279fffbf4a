import { once } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import type { Logger } from '../pdk/method.js'
import { within } from '../runtime/within.js'
import { Events, type EventRecord } from './events.js'
import type { HostedPlugin } from './hosted.js'
import { Instances } from './instances.js'
import { dispatcher } from './methods.js'
import { RpcConnection } from './rpc.js'
import { listenUnix } from './socket.js'

/** Kong waits 60 s for an answer (`lua_socket_read_timeout`) and then lets the request pass. Milliseconds. */
const KONG_LIMIT = 60_000
/** Early enough for an answer of ours to arrive. */
const DEADLINE = 50_000
/** The last used connection is the next that Kong uses: one that was left alone for so long has no part in the traffic. Milliseconds. */
const QUIET = 500

export interface PluginServerOptions {
  /** Path of the unix socket: Kong's `pluginserver_NAME_socket`. */
  readonly socket: string
  readonly plugins: readonly HostedPlugin[]
  readonly log: Logger
  /** A plugin that takes longer over one answer to Kong is answered for: 504. Milliseconds. */
  readonly deadlineMs?: number
  /** Kong's own limit, for a Kong that is configured otherwise. Milliseconds. */
  readonly kongLimitMs?: number
  /** Called at the end of each event. */
  onEvent?(record: EventRecord): void
}

export interface PluginServer {
  /** Events that are not over. */
  readonly events: number
  /**
   * Takes no more connections, gives up the socket's path, and lets the events come to their end: those that last longer than
   * `graceMs` (default: the deadline of events) are answered for.
   */
  close(graceMs?: number): Promise<void>
}

/** Serves plugins to Kong: MessagePack RPC over a unix socket. Resolves when it listens. */
export async function startPluginServer(options: PluginServerOptions): Promise<PluginServer> {
  const { log, deadlineMs = DEADLINE, kongLimitMs = KONG_LIMIT } = options
  const hosted = new Map(options.plugins.map((plugin) => [plugin.schema.name, plugin]))
  const events = new Events({ deadlineMs, log, onEnd: (record) => options.onEvent?.(record) })
  const instances = new Instances(hosted)
  const dispatch = dispatcher({ hosted, instances, events, startTime: Date.now() / 1000 })

  const connections = new Set<RpcConnection>()
  const listener = await listenUnix(
    options.socket,
    (socket) => {
      const connection = new RpcConnection(socket, dispatch, { kongLimitMs, log })
      connections.add(connection)
      socket.on('close', () => connections.delete(connection))
    },
    log,
  )
  log.info({ socket: options.socket, plugins: [...hosted.keys()] }, 'plugin server listens')

  const closed = once(listener.server, 'close')
  async function close(graceMs = deadlineMs): Promise<void> {
    await listener.remove()
    // Who has found the path before is let in.
    await setImmediate()
    listener.server.close()
    for (const connection of connections) connection.closeWhenAnswered(QUIET)
    await within(graceMs, closed)
    events.expireAll()
    for (const connection of connections) connection.close()
    await closed
  }

  return {
    get events() {
      return events.size
    },
    close,
  }
}
