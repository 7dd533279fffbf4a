import type { IncomingHttpHeaders } from 'node:http'
import type { JsonObject } from '../llm/json.js'
import type { Answer } from './answer.js'
import type { Framing, MockFrame } from './framing.js'

/** One provider's API as the mock plays it: requests, answers, streams and errors in its words. */
export interface MockApi {
  /** The end of the paths that it answers; its named groups are the request's `captures`. */
  readonly path: RegExp
  /** @throws MockError where the provider would answer 400. */
  read(request: ApiRequest): Ask
  /** The answer as one body. */
  whole(ask: Ask, answer: Answer): JsonObject | JsonObject[]
  /** The answer as a stream, whole to its end. */
  stream(ask: Ask, answer: Answer): Iterable<MockFrame>
  /** An error answer. `request` is absent where the path is nobody's. */
  error(error: MockError, request?: ApiRequest): ErrorAnswer
  /** How the provider says in the middle of a stream that it is overloaded. */
  readonly overloaded: MockFrame
}

export interface ApiRequest {
  captures: Record<string, string | undefined>
  query: URLSearchParams
  headers: IncomingHttpHeaders
  body: JsonObject
}

/** What a request asks for, whatever the API it came by. */
export interface Ask {
  model: string
  /** What the user said last; several where a completions request has several prompts. */
  questions: string[]
  /** All texts of the prompt: what its tokens are counted in. */
  prompt: string[]
  /** Choices a question. */
  choices: number
  maxTokens: number | undefined
  stop: string[]
  tools: AskedTool[]
  toolChoice: 'auto' | 'none' | 'required' | { name: string }
  parallelTools: boolean
  /** What the tools said, if the last message is their result. */
  toolResult: string | undefined
  /** The schema of a JSON answer; `{}` is any object. */
  json: JsonObject | undefined
  /** Whether to think before the answer. */
  reasoning: boolean
  /** How to stream the answer; undefined: not at all. */
  framing: Framing | undefined
  /** Whether a stream says its usage. */
  streamUsage: boolean
}

export interface AskedTool {
  name: string
  /** JSON schema of its arguments. */
  parameters: JsonObject
}

type Required = 'model' | 'questions' | 'prompt'

/** An `Ask` with what every API leaves open. */
export function ask(fields: Pick<Ask, Required> & Partial<Omit<Ask, Required>>): Ask {
  return {
    choices: 1,
    maxTokens: undefined,
    stop: [],
    tools: [],
    toolChoice: 'auto',
    parallelTools: true,
    toolResult: undefined,
    json: undefined,
    reasoning: false,
    framing: undefined,
    streamUsage: true,
    ...fields,
  }
}

export interface ErrorAnswer {
  headers?: Record<string, string>
  body: JsonObject | JsonObject[]
}

/** An error that the mock answers with, in the words of the API that was asked. */
export class MockError extends Error {
  readonly status: number
  /** The faulty field. */
  readonly param: string | null
  /** OpenAI's error code, where the status does not tell it. */
  readonly code: string | undefined

  constructor(status: number, message: string, param: string | null = null, code?: string) {
    super(message)
    this.name = 'MockError'
    this.status = status
    this.param = param
    this.code = code
  }
}
