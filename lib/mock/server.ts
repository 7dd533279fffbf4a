import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { isObject, parseJson, type Json } from '../llm/json.js'
import { answerTo } from './answer.js'
import { MockError, type ApiRequest, type ErrorAnswer, type MockApi } from './api.js'
import { APIS } from './apis.js'
import { errorOf, faultOf } from './faults.js'
import { openaiError } from './openai.js'
import { writeStream } from './writer.js'

export interface MockOptions {
  host?: string
  /** 0, the default: any free one. */
  port?: number
  /** Milliseconds between two events of a stream; 0: no waiting. */
  pace?: number
  /** Called when a request has been read. */
  onRequest?(request: MockRequest): void
}

/** One request that the mock was sent; `events` and `state` follow its answer. */
export interface MockRequest {
  readonly method: string
  readonly path: string
  /** Without the question mark. */
  readonly query: string
  readonly headers: IncomingHttpHeaders
  /** Undefined where it is not JSON. */
  readonly body: Json | undefined
  /** Events of the stream that have been sent. */
  events: number
  /** `aborted`: the connection was closed before the answer was whole. */
  state: 'open' | 'done' | 'aborted'
}

export interface Mock {
  readonly url: string
  /** The last requests, the newest at the end. */
  readonly requests: readonly MockRequest[]
  /** Ends every answer under way. */
  close(): Promise<void>
}

export const DEFAULT_PACE = 30
const KEPT_REQUESTS = 100
const RETRY_AFTER = '2'
const RETRIABLE = new Set([429, 503, 529])

/**
 * Starts a mock LLM provider: it speaks the wire formats of the real ones, needs no key and answers without a model. A
 * model named `error/<status>` gives an error of that status, `chaos/<fault>@<n>` a fault after n events of the stream.
 *
 * @example
 *     const mock = await startMock({ pace: 0 })
 *     await fetch(`${mock.url}/v1/chat/completions`, { method: 'POST', body: '{"model":"m","messages":[...]}' })
 *     await mock.close()
 */
export async function startMock(options: MockOptions = {}): Promise<Mock> {
  const { host = '127.0.0.1', port = 0, pace = DEFAULT_PACE } = options
  const requests: MockRequest[] = []
  let serial = 0

  const server = createServer((incoming, response) => {
    serial += 1
    answer(incoming, response, serial).catch(() => response.destroy())
  })

  async function answer(incoming: IncomingMessage, response: ServerResponse, serial: number): Promise<void> {
    const [path = '/', query = ''] = (incoming.url ?? '/').split('?', 2)
    const body = parseJson(await text(incoming))
    const { method = 'GET', headers } = incoming
    const record: MockRequest = { method, path, query, headers, body, events: 0, state: 'open' }
    response.once('close', () => {
      record.state = response.writableFinished ? 'done' : 'aborted'
    })
    requests.push(record)
    if (requests.length > KEPT_REQUESTS) requests.shift()
    options.onRequest?.(record)
    await respond({ record, response, serial, pace })
  }

  server.listen(port, host)
  await once(server, 'listening')
  const address = server.address()
  const bound = typeof address === 'object' && address ? address.port : port
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** One request on its way to its answer. */
interface Turn {
  record: MockRequest
  response: ServerResponse
  serial: number
  pace: number
}

async function respond(turn: Turn): Promise<void> {
  const { record, response } = turn
  const api = APIS.find(({ path }) => path.test(record.path))
  const request: ApiRequest = {
    captures: decoded(api?.path.exec(record.path)?.groups),
    query: new URLSearchParams(record.query),
    headers: record.headers,
    body: isObject(record.body) ? record.body : {},
  }
  try {
    await answerWith(checked(api, record), request, turn)
  } catch (error) {
    if (!(error instanceof MockError)) throw error
    const answer: ErrorAnswer = api ? api.error(error, request) : openaiError(error)
    const retry = RETRIABLE.has(error.status) ? { 'retry-after': RETRY_AFTER } : {}
    sendJson(response, error.status, answer.body, { ...retry, ...answer.headers })
  }
}

function checked(api: MockApi | undefined, { method, path, body }: MockRequest): MockApi {
  if (!api) throw new MockError(404, `Unknown request URL: ${method} ${path}.`, null, 'unknown_url')
  if (method !== 'POST') throw new MockError(405, `Not allowed to ${method} on ${path}.`)
  if (!isObject(body)) throw new MockError(400, 'The body of the request is not a JSON object.')
  return api
}

async function answerWith(api: MockApi, request: ApiRequest, turn: Turn): Promise<void> {
  const { record, response, serial, pace } = turn
  const ask = api.read(request)
  const status = errorOf(ask.model)
  if (status !== undefined) throw new MockError(status, `The mock provider was asked for an error ${status}.`)
  const fault = faultOf(ask.model)
  const answer = answerTo(ask, serial)
  if (fault?.name === 'no-usage') answer.usage = undefined

  if (!ask.framing) return sendJson(response, 200, api.whole(ask, answer))
  await writeStream(response, {
    framing: ask.framing,
    frames: api.stream(ask, answer),
    pace,
    fault,
    overloaded: api.overloaded,
    onFrame: () => {
      record.events += 1
    },
  })
}

function sendJson(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Record<string, string> = {},
): void {
  const bytes = Buffer.from(JSON.stringify(body))
  response
    .writeHead(status, { 'content-type': 'application/json', 'content-length': bytes.length, ...headers })
    .end(bytes)
}

/** Percent-decoded; as it came where it cannot be decoded. */
function decoded(groups: Record<string, string | undefined> = {}): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(groups).map(([name, value]) => {
      try {
        return [name, value && decodeURIComponent(value)]
      } catch {
        return [name, value]
      }
    }),
  )
}
