import type { AttemptFailure, ClientResponse } from '../pdk/exchange.js'
import { emptyHeaders } from '../pdk/headers.js'
import type { Exit } from './exchange.js'

export const SERVER_TOKEN = 'kong-ai'

/** Kong's own answers, word for word (kong/error_handlers.lua), as JSON. */
export const NO_ROUTE = 'no Route matched with those values'
export const NO_SERVICE = 'no Service found with those values'
export const UNEXPECTED = 'An unexpected error occurred'

export function kongAnswer(status: number, message: string, requestId: string): Exit {
  const headers = emptyHeaders()
  headers['content-type'] = 'application/json; charset=utf-8'
  return { status, body: JSON.stringify({ message, request_id: requestId }), headers }
}

/** What Kong says to a client whose request found no working upstream. */
const FAILURES: Readonly<Record<AttemptFailure['kind'], readonly [status: number, message: string]>> = {
  resolve: [503, 'name resolution failed'],
  connect: [502, 'An invalid response was received from the upstream server'],
  tls: [502, 'An invalid response was received from the upstream server'],
  closed: [502, 'An invalid response was received from the upstream server'],
  rejected: [502, 'An invalid response was received from the upstream server'],
  timeout: [504, 'The upstream server is timing out'],
}

export function failureAnswer(failure: AttemptFailure, requestId: string): Exit {
  const [status, message] = FAILURES[failure.kind]
  return kongAnswer(status, message, requestId)
}

const CONTENT_HEADERS = ['content-type', 'content-length', 'content-encoding', 'transfer-encoding', 'etag']

/** Status, headers and content of the answer become those of the exit; headers that plugins set stay. */
export function replaceAnswer(response: ClientResponse, exit: Exit): void {
  response.status = exit.status
  for (const name of CONTENT_HEADERS) delete response.headers[name]
  Object.assign(response.headers, exit.headers)
}

export function bytesOf(body: Buffer | string | undefined): Buffer {
  return typeof body === 'object' ? body : Buffer.from(body ?? '')
}
