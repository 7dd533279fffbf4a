import http, { type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { CLIENT_LIMITS, guardConnections, MAX_CLIENT_HEADERS, type ClientLimits } from './client-limits.js'

export interface Address {
  host: string
  port: number
}

/** `host:port`, as Kong's `proxy_listen` has it; IPv6 in brackets. @throws Error saying what is wrong. */
export function parseAddress(text: string): Address {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:\s]+):(\d{1,5})$/.exec(text)
  const port = Number(match?.[2])
  if (!match || port > 65535)
    throw new Error(`'${text}' is not an address: expected HOST:PORT, such as 127.0.0.1:8000`)
  return { host: match[1]!.replace(/^\[|\]$/g, ''), port }
}

/** A server on its port. */
export interface Listener {
  readonly address: Address
  readonly url: string
  /** Takes no new requests, lets those in flight end for at most `graceMs`, then breaks them off. */
  close(graceMs: number): Promise<void>
}

/** A server of connections that another process accepts on its port. */
export interface Door {
  /** Serves a connection; `onClosed` is called when it is over. */
  open(socket: Socket, onClosed: () => void): void
  close: Listener['close']
}

export type OnRequest = (request: IncomingMessage, response: ServerResponse) => void

export interface ListenerOptions {
  /** How long an idle connection is kept. Milliseconds. */
  keepAliveTimeout?: number
  limits?: ClientLimits
}

/** Serves a port. @throws Error where it cannot be listened on */
export async function listen(
  address: Address,
  onRequest: OnRequest,
  options: ListenerOptions = {},
): Promise<Listener> {
  const served = httpServer(onRequest, options)
  const { server } = served
  const closed = new Promise<void>((resolve) => void server.once('close', resolve))
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(address.port, address.host, () => {
      server.off('error', reject)
      resolve()
    })
  })
  const { port } = server.address() as AddressInfo
  return {
    address: { host: address.host, port },
    url: urlOf({ host: address.host, port }),
    close(graceMs) {
      server.close()
      return broughtToEnd(served, closed, graceMs)
    },
  }
}

export function urlOf({ host, port }: Address): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** Serves the connections that it is given. */
export function door(onRequest: OnRequest, options: ListenerOptions = {}): Door {
  const served = httpServer(onRequest, options)
  const { server, sockets } = served
  // By this event, which only a server with a port has by itself, node:http begins to look after its connections' time-outs.
  server.emit('listening')
  let isClosing = false
  let onLast: (() => void) | undefined
  return {
    open(socket, onClosed) {
      if (isClosing) {
        socket.destroy()
      } else {
        socket.setNoDelay(true)
        // As node:http has those that it accepts itself.
        socket.allowHalfOpen = true
        server.emit('connection', socket)
      }
      // Behind the server's own listener: it is none of `sockets` any more.
      socket.once('close', () => {
        onClosed()
        if (sockets.size === 0) onLast?.()
      })
    },
    async close(graceMs) {
      isClosing = true
      const closed =
        sockets.size === 0 ? Promise.resolve() : new Promise<void>((resolve) => (onLast = resolve))
      await broughtToEnd(served, closed, graceMs)
      server.close()
    },
  }
}

interface Served {
  readonly server: Server
  /** Its connections. */
  readonly sockets: ReadonlySet<Socket>
}

function httpServer(
  onRequest: OnRequest,
  { keepAliveTimeout = 65_000, limits = CLIENT_LIMITS }: ListenerOptions,
): Served {
  const server = http.createServer({
    keepAliveTimeout,
    requestTimeout: 0,
    connectionsCheckingInterval: Math.min(limits.headers, 30_000),
    maxHeaderSize: MAX_CLIENT_HEADERS,
    // The host says what a request without one gets: Node's own answer has no body.
    requireHostHeader: false,
    noDelay: true,
  })
  // Beyond a number Node would leave lines out without a word; their size is bounded already.
  server.maxHeadersCount = 0
  guardConnections(server, limits)
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    // Behind the one that its connection is closed with, nothing is carried out (RFC 9112 §9.6): it could not be answered.
    if (request.socket.writableEnded) request.resume()
    else onRequest(request, response)
  })
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  return { server, sockets }
}

/** How long a connection that never had a request may still bring one when the server closes. Milliseconds. */
const SILENT_MS = 1000

/** Lets requests in flight end for at most `graceMs`, then breaks them off. */
async function broughtToEnd(
  { server, sockets }: Served,
  closed: Promise<void>,
  graceMs: number,
): Promise<void> {
  // A connection is idle only once its answer is out: look again until all are.
  const idle = setInterval(() => server.closeIdleConnections(), 20)
  // Browsers and Node's `fetch` open one to spare; to Node it is not idle.
  const silent = setTimeout(() => {
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy()
  }, SILENT_MS)
  const bound = setTimeout(() => server.closeAllConnections(), graceMs)
  await closed
  clearInterval(idle)
  clearTimeout(silent)
  clearTimeout(bound)
}
