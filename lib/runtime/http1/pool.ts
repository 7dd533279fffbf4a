import { isIP } from 'node:net'
import type { UpstreamRequest } from '../../pdk/exchange.js'
import { firstHeader } from '../../pdk/headers.js'
import { Connection, type Caller, type ConnectionOwner } from './connection.js'
import { TlsSessions, type Address } from './socket.js'

/** Connections by where they go to. There may be any number of them: each request has one to itself. */
export class Pool {
  /** By host: a key made of all that tells origins apart would have to be made for each request. */
  readonly #origins = new Map<string, Origin[]>()
  readonly #sessions = new TlsSessions()

  /**
   * A connection for the request, which calls when it is ready: the one that was used last of the idle ones, else a new one.
   *
   * @param fresh a new one in any case
   */
  connect(request: UpstreamRequest, caller: Caller, fresh: boolean): Connection {
    const servername = request.scheme === 'https' ? serverName(request) : undefined
    const known = this.#known(request, servername)
    if (known) return known.connect(request.timeouts.connect, caller, fresh)
    const origin = new Origin(this.#address(request, servername), () => this.#forget(request.host, origin))
    const connection = origin.connect(request.timeouts.connect, caller, true)
    const others = this.#origins.get(request.host)
    if (others) others.push(origin)
    else this.#origins.set(request.host, [origin])
    return connection
  }

  /** Closes all, idle or not. */
  close(): void {
    for (const origins of this.#origins.values()) for (const origin of origins) origin.close()
  }

  #known({ host, port, tlsVerify }: UpstreamRequest, servername: string | undefined): Origin | undefined {
    const origins = this.#origins.get(host)
    if (!origins) return undefined
    for (const origin of origins) if (origin.is(port, servername, tlsVerify)) return origin
    return undefined
  }

  #forget(host: string, origin: Origin): void {
    const left = this.#origins.get(host)!.filter((one) => one !== origin)
    if (left.length > 0) this.#origins.set(host, left)
    else this.#origins.delete(host)
  }

  #address({ host, port, tlsVerify }: UpstreamRequest, servername: string | undefined): Address {
    const tls =
      servername === undefined
        ? undefined
        : {
            servername,
            verify: tlsVerify,
            sessions: this.#sessions,
            key: `${host}:${port} ${servername} ${tlsVerify}`,
          }
    return { host: host.startsWith('[') ? host.slice(1, -1) : host, port, tls }
  }
}

/** The name by which an https server knows itself: the one in `Host`, as with Kong. */
function serverName({ host, headers }: UpstreamRequest): string {
  const name = (firstHeader(headers, 'host') ?? host).replace(/:\d*$/, '')
  return name.includes(':') || name.startsWith('[') || isIP(name) ? '' : name
}

/** The connections to one server. */
class Origin implements ConnectionOwner {
  readonly #address: Address
  readonly #onEmpty: () => void
  readonly #all = new Set<Connection>()
  /** The last one was used last: the others may time out. */
  readonly #idle: Connection[] = []

  constructor(address: Address, onEmpty: () => void) {
    this.#address = address
    this.#onEmpty = onEmpty
  }

  /** @param servername undefined: not of an https server */
  is(port: number, servername: string | undefined, verify: boolean): boolean {
    const { tls } = this.#address
    return (
      port === this.#address.port &&
      servername === tls?.servername &&
      (tls === undefined || verify === tls.verify)
    )
  }

  connect(connectTimeout: number, caller: Caller, fresh: boolean): Connection {
    const idle = fresh ? undefined : this.#idle.pop()
    if (idle) {
      idle.reserve(caller)
      return idle
    }
    const connection = new Connection(this.#address, connectTimeout, caller, this)
    this.#all.add(connection)
    return connection
  }

  onIdle(connection: Connection): void {
    this.#idle.push(connection)
  }

  onClosed(connection: Connection): void {
    const at = this.#idle.indexOf(connection)
    if (at >= 0) this.#idle.splice(at, 1)
    this.#all.delete(connection)
    if (this.#all.size === 0) this.#onEmpty()
  }

  close(): void {
    for (const connection of this.#all) connection.fail({ kind: 'closed', message: 'the gateway closes' })
  }
}
