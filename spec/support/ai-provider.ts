import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { JsonObject } from '../../lib/llm/json.js'
import { closing } from './closing.js'
import { gate, origin, type Origin, type OriginRequest } from './origin.js'

/** The provider's side of one answer, step by step. */
export interface ProviderTurn {
  readonly request: OriginRequest
  readonly body: JsonObject
  readonly response: ServerResponse
  /** Opens when the connection is closed or the answer is out. */
  readonly closed: Promise<void>
  /** Whether the connection was closed before the answer was whole. */
  readonly aborted: () => boolean
  readonly head: (status: number, headers?: OutgoingHttpHeaders) => void
  /** An event of an SSE stream, with its name if `event` has a `type`. */
  readonly event: (data: JsonObject | '[DONE]') => void
}

export interface Provider extends Origin {
  /** The turns that began, in order. */
  turn(place: number): Promise<ProviderTurn>
  /** The JSON bodies that it was sent. */
  bodies(): JsonObject[]
}

/** A provider whose answers the spec writes; closed after the test. */
export async function provider(
  answer: (turn: ProviderTurn) => void | Promise<void> = () => {},
): Promise<Provider> {
  const gates = new Map<number, ReturnType<typeof gate<ProviderTurn>>>()
  const gateOf = (place: number) => {
    if (!gates.has(place)) gates.set(place, gate<ProviderTurn>())
    return gates.get(place)!
  }
  let count = 0
  const server = await origin((request, response) => {
    const turn = turnOf(request, response)
    gateOf(count++).open(turn)
    void answer(turn)
  })
  return closing({
    ...server,
    turn: (place) => gateOf(place).promise,
    bodies: () => server.requests.map(({ body }) => JSON.parse(body.toString()) as JsonObject),
  })
}

function turnOf(request: OriginRequest, response: ServerResponse): ProviderTurn {
  const closed = gate()
  response.once('close', () => closed.open())
  let body: JsonObject = {}
  try {
    body = JSON.parse(request.body.toString()) as JsonObject
  } catch {
    // not every request has JSON
  }
  return {
    request,
    body,
    response,
    closed: closed.promise,
    aborted: () => response.destroyed && !response.writableFinished,
    head: (status, headers = {}) => {
      response.writeHead(status, headers)
      response.flushHeaders()
    },
    event: (data) => {
      const name = data !== '[DONE]' && typeof data.type === 'string' ? `event: ${data.type}\n` : ''
      response.write(`${name}data: ${data === '[DONE]' ? data : JSON.stringify(data)}\n\n`)
    },
  }
}

/** A provider that answers every request alike. */
export function answering(
  status: number,
  headers: OutgoingHttpHeaders,
  body: string | Buffer,
): Promise<Provider> {
  return provider(({ response }) => {
    response.writeHead(status, headers)
    response.end(body)
  })
}

export const JSON_TYPE = { 'content-type': 'application/json' }
export const SSE_TYPE = { 'content-type': 'text/event-stream' }

/** A whole chat completion, set as no program of ours sets it, so that only its own bytes are equal to it. */
export const COMPLETION = `{ "id":"chatcmpl-7", "object": "chat.completion", "created": 1700000000, "model": "gpt-4o-2024-08-06",
  "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hé\\u0020you", "refusal": null}, "logprobs": null, "finish_reason": "stop"}],
  "usage": {"prompt_tokens": 25, "completion_tokens": 12, "total_tokens": 37}, "x_new_field": 1.0 }\n`

/** Events of a good chat stream, spelt as they are sent. */
export const EVENTS = {
  role: 'data: {"id":"chatcmpl-7","object":"chat.completion.chunk","created":1700000000,"model":"gpt-4o-2024-08-06","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\n',
  hello:
    'data: {"id":"chatcmpl-7","object":"chat.completion.chunk","created":1700000000,"model":"gpt-4o-2024-08-06","choices":[{"index":0,"delta":{"content":"Hello"}, "finish_reason":null}]}\n\n',
  there:
    'data: {"id":"chatcmpl-7","object":"chat.completion.chunk","created":1700000000,"model":"gpt-4o-2024-08-06","choices":[{"index":0,"delta":{"content":" 你好"},"finish_reason":null}]}\n\n',
  finish:
    'data: {"id":"chatcmpl-7","object":"chat.completion.chunk","created":1700000000,"model":"gpt-4o-2024-08-06","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n',
  usage:
    'data: {"id":"chatcmpl-7","object":"chat.completion.chunk","created":1700000000,"model":"gpt-4o-2024-08-06","choices":[],"usage":{"prompt_tokens":25,"completion_tokens":12,"total_tokens":37}}\n\n',
  done: 'data: [DONE]\n\n',
} as const

export const STREAM = Object.values(EVENTS).join('')

/** Reads a body piece by piece. */
export class BodyReader {
  private readonly reader
  private readonly decoder = new TextDecoder()

  constructor(response: Response) {
    this.reader = response.body!.getReader()
  }

  /** What comes next; `undefined` at the end. */
  async next(): Promise<string | undefined> {
    const { value, done } = await this.reader.read()
    return done ? undefined : this.decoder.decode(value, { stream: true })
  }

  /** Reads on until as much has come as `text` is long. */
  async expect(text: string): Promise<string> {
    let read = ''
    while (Buffer.byteLength(read) < Buffer.byteLength(text)) {
      const piece = await this.next()
      if (piece === undefined) break
      read += piece
    }
    return read
  }

  async rest(): Promise<string> {
    let read = ''
    for (let piece = await this.next(); piece !== undefined; piece = await this.next()) read += piece
    return read
  }
}
