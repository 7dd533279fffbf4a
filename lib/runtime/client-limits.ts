import { STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { requestId } from './ids.js'
import { kongAnswer } from './kong-answers.js'

/** How long a client may keep a connection waiting. Milliseconds. */
export interface ClientLimits {
  /** From a request's first byte to the end of its headers: nginx's `client_header_timeout`. */
  readonly headers: number
  /** Between two reads of a body, and between two of the client's reads of an answer: `client_body_timeout`, `send_timeout`. */
  readonly idle: number
}

export const CLIENT_LIMITS: ClientLimits = { headers: 60_000, idle: 60_000 }

/** As much as nginx takes in all (`large_client_header_buffers`, as Kong sets them). Bytes. */
export const MAX_CLIENT_HEADERS = 32 * 1024

/** Node's code of what is wrong with a request; anything else about it is a 400. */
const STATUS_OF_CODE: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
}

/** Kong's words (kong/error_handlers.lua). Its 494 is nginx's own number for what RFC 6585 §5 calls 431. */
const MESSAGES: Readonly<Record<number, string>> = {
  400: 'Bad request',
  408: 'Request timeout',
  431: 'Request header or cookie too large',
}

/**
 * Answers what never became a request, and breaks off clients that keep a connection waiting. One timer a connection,
 * Node's own: any progress in either direction starts it anew.
 */
export function guardConnections(server: Server, limits: ClientLimits): void {
  /** Answers under way by connection: several where a client pipelines. */
  const open = new WeakMap<Duplex, ServerResponse[]>()
  server.headersTimeout = limits.headers
  server.timeout = limits.idle
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const responses = open.get(request.socket) ?? []
    if (responses.length === 0) open.set(request.socket, responses)
    responses.push(response)
    // It comes once.
    response.on('close', () => {
      if (responses[0] === response) responses.shift()
      else responses.splice(responses.indexOf(response), 1)
    })
  })
  server.on('clientError', (error: Error & { code?: string }, socket: Duplex) => {
    refuse(socket, STATUS_OF_CODE[error.code ?? ''] ?? 400, open.get(socket) ?? [])
  })
  server.on('timeout', (socket: Socket) => {
    const responses = open.get(socket) ?? []
    if (responses.length === 0) socket.destroy()
    else if (socket.writableLength > 0) responses[0]!.destroy(new Error('the client stopped reading'))
    else if (responses.some(({ req }) => isStarved(req))) refuse(socket, 408, responses)
    // It is the provider that thinks: that has limits of its own.
    else socket.setTimeout(limits.idle)
  })
}

/** Somebody waits for more of its body than there is. */
function isStarved(request: IncomingMessage): boolean {
  return !request.complete && request.readableFlowing === true && request.readableLength === 0
}

/** Answers for the connection, unless that would be read as a part of another answer, and closes it. */
function refuse(socket: Duplex, status: number, responses: readonly ServerResponse[]): void {
  const [first, ...others] = responses
  const isFree = !first || (others.length === 0 && !first.req.complete && !first.headersSent)
  if (!isFree || !socket.writable) {
    socket.destroy()
    return
  }
  const { headers, body } = kongAnswer(status, MESSAGES[status]!, requestId())
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ncontent-type: ${String(headers['content-type'])}\r\n` +
      `content-length: ${Buffer.byteLength(body!)}\r\nconnection: close\r\n\r\n${String(body)}`,
    () => socket.destroy(),
  )
}
