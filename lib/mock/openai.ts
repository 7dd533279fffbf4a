import type { JsonObject } from '../llm/json.js'
import { ask, MockError, type Ask, type AskedTool, type MockApi } from './api.js'
import type { Answer, Choice, MockUsage, Piece } from './answer.js'
import { SSE, type MockFrame } from './framing.js'
import { number, object, objects, string, strings, text } from './read.js'

/** An API in OpenAI's format: others speak it too, with changes of their own. */
export interface OpenAiApi extends MockApi {
  whole(ask: Ask, answer: Answer): JsonObject
}

/** https://platform.openai.com/docs/api-reference/chat */
export const openaiChat: OpenAiApi = {
  path: /\/chat\/completions$/,
  read: (request) => readChat(request.body, string(request.body.model)),
  whole: (ask, answer) => ({
    ...head(ask, answer, 'chatcmpl', 'chat.completion'),
    choices: answer.choices.map((choice, index) => ({
      index,
      message: message(choice),
      logprobs: null,
      finish_reason: FINISH[choice.finish],
    })),
    usage: answer.usage && usage(answer.usage),
  }),
  *stream(ask, answer) {
    const chunk = chunks(ask, head(ask, answer, 'chatcmpl', 'chat.completion.chunk'))
    const delta = (index: number, delta: JsonObject, finish: string | null = null): MockFrame =>
      chunk([{ index, delta, logprobs: null, finish_reason: finish }], finish !== null)
    for (const index of answer.choices.keys()) {
      yield delta(index, { role: 'assistant', content: '', refusal: null })
    }
    for (const [index, piece] of inTurn(answer.choices)) {
      if (piece.type !== 'reasoning') yield delta(index, deltaOf(piece))
    }
    for (const [index, choice] of answer.choices.entries()) yield delta(index, {}, FINISH[choice.finish])
    yield* ending(ask, answer, chunk)
  },
  error: openaiError,
  overloaded: {
    data: {
      error: { message: 'The server is overloaded.', type: 'server_error', param: null, code: 'overloaded' },
    },
  },
}

/** https://platform.openai.com/docs/api-reference/completions */
export const openaiCompletions: OpenAiApi = {
  path: /\/completions$/,
  read: (request) => readCompletions(request.body, string(request.body.model)),
  whole: (ask, answer) => ({
    ...head(ask, answer, 'cmpl', 'text_completion'),
    choices: answer.choices.map((choice, index) => ({
      text: choice.text,
      index,
      logprobs: null,
      finish_reason: FINISH[choice.finish],
    })),
    usage: answer.usage && usage(answer.usage),
  }),
  *stream(ask, answer) {
    const chunk = chunks(ask, head(ask, answer, 'cmpl', 'text_completion'))
    const part = (index: number, text: string, finish: string | null = null): MockFrame =>
      chunk([{ text, index, logprobs: null, finish_reason: finish }], finish !== null)
    for (const [index, piece] of inTurn(answer.choices)) {
      if (piece.type === 'text') yield part(index, piece.text)
    }
    for (const [index, choice] of answer.choices.entries()) yield part(index, '', FINISH[choice.finish])
    yield* ending(ask, answer, chunk)
  },
  error: openaiError,
  overloaded: openaiChat.overloaded,
}

/**
 * A chat completion request. `model` is the body's, or what the path names.
 *
 * @throws MockError 400 without a model or messages.
 */
export function readChat(body: JsonObject, model: string | undefined): Ask {
  if (!model) throw new MockError(400, 'you must provide a model parameter', 'model')
  const messages = objects(body.messages)
  if (messages.length === 0) throw missing('messages')
  const wrong = messages.findIndex((message) => !ROLES.has(string(message.role) ?? ''))
  if (wrong >= 0)
    throw new MockError(400, `Invalid value for 'messages[${wrong}].role'.`, `messages[${wrong}].role`)
  const tools = objects(body.tools).map(({ function: tool }) => toolOf(object(tool)))
  return ask({
    ...common(body, model),
    questions: [text(messages.findLast(({ role }) => role === 'user')?.content)],
    prompt: messages.map(({ content }) => text(content)),
    maxTokens: number(body.max_completion_tokens) ?? number(body.max_tokens),
    tools,
    toolChoice: toolChoice(body),
    parallelTools: body.parallel_tool_calls !== false,
    toolResult: toolResult(messages),
    json: jsonSchema(object(body.response_format)),
    reasoning: !['none', undefined].includes(string(body.reasoning_effort)),
  })
}

/** A completion request. @throws MockError 400 without a model or prompt. */
export function readCompletions(body: JsonObject, model: string | undefined): Ask {
  if (!model) throw new MockError(400, 'you must provide a model parameter', 'model')
  const prompts = strings(body.prompt)
  if (prompts.length === 0) throw missing('prompt')
  return ask({
    ...common(body, model),
    questions: prompts,
    prompt: prompts,
    maxTokens: number(body.max_tokens) ?? 16,
  })
}

export function toolOf(tool: JsonObject): AskedTool {
  return { name: string(tool.name) ?? '', parameters: object(tool.parameters) }
}

/** What the tools said, in the order of their calls, if the conversation ends with it. */
export function toolResult(messages: JsonObject[]): string | undefined {
  const last = messages.findLastIndex(({ role }) => role !== 'tool')
  const results = messages.slice(last + 1).map(({ content }) => text(content))
  return results.length > 0 ? results.join(', ') : undefined
}

/** The pieces of several choices, taken in turn as a provider gives them. */
export function* inTurn(choices: Choice[]): Generator<[index: number, piece: Piece]> {
  const longest = Math.max(...choices.map(({ pieces }) => pieces.length))
  for (let at = 0; at < longest; at++) {
    for (const [index, { pieces }] of choices.entries()) {
      const piece = pieces[at]
      if (piece) yield [index, piece]
    }
  }
}

export function openaiError({ status, message, param, code }: MockError): { body: JsonObject } {
  const [type, usual] = ERRORS[status] ?? [status < 500 ? 'invalid_request_error' : 'server_error', null]
  return { body: { error: { message, type, param, code: code ?? usual } } }
}

const FINISH = { stop: 'stop', length: 'length', tools: 'tool_calls' } as const

const ROLES = new Set(['system', 'developer', 'user', 'assistant', 'tool', 'function'])

/** Type and code: https://platform.openai.com/docs/guides/error-codes/api-errors */
const ERRORS: Readonly<Record<number, [type: string, code: string | null]>> = {
  401: ['invalid_request_error', 'invalid_api_key'],
  404: ['invalid_request_error', 'model_not_found'],
  429: ['requests', 'rate_limit_exceeded'],
  503: ['server_error', 'overloaded'],
}

function common(body: JsonObject, model: string) {
  return {
    model,
    choices: number(body.n) ?? 1,
    stop: strings(body.stop),
    framing: body.stream === true ? SSE : undefined,
    streamUsage: object(body.stream_options).include_usage === true,
  }
}

function missing(param: string): MockError {
  return new MockError(400, `Missing required parameter: '${param}'.`, param)
}

function toolChoice({ tool_choice: choice }: JsonObject): Ask['toolChoice'] {
  if (choice === 'none' || choice === 'required') return choice
  const name = string(object(object(choice).function).name)
  return name === undefined ? 'auto' : { name }
}

function jsonSchema(format: JsonObject): JsonObject | undefined {
  if (format.type === 'json_object') return {}
  return format.type === 'json_schema' ? object(object(format.json_schema).schema) : undefined
}

function head(ask: Ask, { serial, created }: Answer, prefix: string, kind: string): JsonObject {
  return {
    id: `${prefix}-mock${serial}`,
    object: kind,
    created,
    model: ask.model,
    system_fingerprint: 'fp_mock',
  }
}

/** Makes chunks; with `include_usage` all but the last carry a usage of null. */
function chunks(ask: Ask, head: JsonObject) {
  return (choices: JsonObject[], closing = false, usage: JsonObject | null = null): MockFrame => ({
    data: { ...head, choices, ...(ask.streamUsage ? { usage } : {}) },
    closing,
  })
}

function* ending(
  ask: Ask,
  { usage: counts }: Answer,
  chunk: ReturnType<typeof chunks>,
): Generator<MockFrame> {
  if (ask.streamUsage && counts) yield chunk([], true, usage(counts))
  yield { data: '[DONE]', closing: true }
}

function message({ text, calls }: Choice): JsonObject {
  return {
    role: 'assistant',
    content: text === '' ? null : text,
    refusal: null,
    ...(calls.length > 0
      ? {
          tool_calls: calls.map(({ id, name, args }) => ({
            id,
            type: 'function',
            function: { name, arguments: args },
          })),
        }
      : {}),
  }
}

function deltaOf(piece: Exclude<Piece, { type: 'reasoning' }>): JsonObject {
  switch (piece.type) {
    case 'tool': {
      const { call: index, id, name } = piece
      return { tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }] }
    }
    case 'args':
      return { tool_calls: [{ index: piece.call, function: { arguments: piece.text } }] }
    default:
      return { content: piece.text }
  }
}

function usage({ prompt, completion, reasoning }: MockUsage): JsonObject {
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: reasoning },
  }
}
