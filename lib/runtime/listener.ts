import http, { type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
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

export interface ListenerOptions {
  /** How long an idle connection is kept. Milliseconds. */
  keepAliveTimeout?: number
  limits?: ClientLimits
}

export async function listen(
  address: Address,
  onRequest: (request: IncomingMessage, response: ServerResponse) => void,
  { keepAliveTimeout = 65_000, limits = CLIENT_LIMITS }: ListenerOptions = {},
): Promise<Listener> {
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
  server.on('request', onRequest)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(address.port, address.host, () => {
      server.off('error', reject)
      resolve()
    })
  })
  const { port } = server.address() as AddressInfo
  const host = address.host.includes(':') ? `[${address.host}]` : address.host
  return {
    address: { host: address.host, port },
    url: `http://${host}:${port}`,
    close: (graceMs) => closeServer(server, graceMs),
  }
}

async function closeServer(server: Server, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  // A connection is idle only once its answer is out: look again until all are.
  const idle = setInterval(() => server.closeIdleConnections(), 20)
  const bound = setTimeout(() => server.closeAllConnections(), graceMs)
  await closed
  clearInterval(idle)
  clearTimeout(bound)
}
