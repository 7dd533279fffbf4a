import { parseJson, type JsonObject } from '../llm/json.js'
import { ask, MockError, type Ask, type MockApi } from './api.js'
import { SIGNATURE, type Answer, type Choice, type MockUsage, type Piece } from './answer.js'
import { SSE, type MockFrame } from './framing.js'
import { number, object, objects, string, strings, text } from './read.js'

/**
 * https://docs.claude.com/en/api/messages
 * Streams: https://docs.claude.com/en/docs/build-with-claude/streaming
 * Errors: https://docs.claude.com/en/api/errors
 */
export const anthropicMessages: MockApi = {
  path: /\/messages$/,
  read({ body, headers }) {
    if (headers['anthropic-version'] === undefined)
      throw new MockError(400, 'anthropic-version: header is required')
    return readMessages(body)
  },
  whole(ask, answer) {
    const choice = answer.choices[0]!
    return {
      ...message(ask, answer),
      ...stopped(choice),
      content: contentOf(choice),
      usage: usage(answer.usage),
    }
  },
  *stream(ask, answer) {
    const choice = answer.choices[0]!
    const start = { ...message(ask, answer), content: [], stop_reason: null, stop_sequence: null }
    yield event({ type: 'message_start', message: { ...start, usage: usage(answer.usage, 1) } })
    yield* blocks(choice)
    yield {
      ...event({ type: 'message_delta', delta: stopped(choice), usage: usage(answer.usage) }),
      closing: true,
    }
    yield { ...event({ type: 'message_stop' }), closing: true }
  },
  error({ status, message }) {
    const type = ERRORS[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error')
    return { body: { type: 'error', error: { type, message }, request_id: 'req_mock' } }
  },
  overloaded: event({ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }),
}

const ERRORS: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  529: 'overloaded_error',
}

const STOP_REASON = { stop: 'end_turn', length: 'max_tokens', tools: 'tool_use' } as const

function readMessages(body: JsonObject): Ask {
  const model = string(body.model)
  const maxTokens = number(body.max_tokens)
  const messages = objects(body.messages)
  if (!model) throw new MockError(400, 'model: Field required', 'model')
  if (maxTokens === undefined) throw new MockError(400, 'max_tokens: Field required', 'max_tokens')
  if (messages.length === 0)
    throw new MockError(400, 'messages: at least one message is required', 'messages')
  const wrong = messages.findIndex(({ role }) => role !== 'user' && role !== 'assistant')
  if (wrong >= 0) throw new MockError(400, `messages.${wrong}.role: Input should be 'user' or 'assistant'`)
  const choice = object(body.tool_choice)
  const format = object(object(body.output_config).format ?? body.output_format)
  return ask({
    model,
    maxTokens,
    questions: [
      text(messages.findLast((message) => message.role === 'user' && text(message.content) !== '')?.content),
    ],
    prompt: [text(body.system), ...messages.map(({ content }) => text(content))],
    stop: strings(body.stop_sequences),
    tools: objects(body.tools).map((tool) => ({
      name: string(tool.name) ?? '',
      parameters: object(tool.input_schema),
    })),
    toolChoice: toolChoice(choice),
    parallelTools: choice.disable_parallel_tool_use !== true,
    toolResult: toolResult(messages.at(-1)),
    json: format.type === 'json_schema' ? object(format.schema) : undefined,
    reasoning: object(body.thinking).type === 'enabled' || object(body.thinking).type === 'adaptive',
    framing: body.stream === true ? SSE : undefined,
  })
}

function toolChoice({ type, name }: JsonObject): Ask['toolChoice'] {
  if (type === 'tool') return { name: string(name) ?? '' }
  return type === 'none' ? 'none' : type === 'any' ? 'required' : 'auto'
}

function toolResult(message: JsonObject | undefined): string | undefined {
  const results = objects(message?.content).filter(({ type }) => type === 'tool_result')
  return results.length > 0 ? results.map(({ content }) => text(content)).join(', ') : undefined
}

function message(ask: Ask, { serial }: Answer): JsonObject {
  return { id: `msg_mock${serial}`, type: 'message', role: 'assistant', model: ask.model }
}

function stopped({ finish, stopSequence }: Choice): JsonObject {
  return {
    stop_reason: stopSequence === null ? STOP_REASON[finish] : 'stop_sequence',
    stop_sequence: stopSequence,
  }
}

function contentOf({ reasoning, text, calls }: Choice): JsonObject[] {
  return [
    ...(reasoning === '' ? [] : [{ type: 'thinking', thinking: reasoning, signature: SIGNATURE }]),
    ...(text === '' ? [] : [{ type: 'text', text }]),
    ...calls.map(({ id, name, args }) => ({ type: 'tool_use', id, name, input: parseJson(args) ?? {} })),
  ]
}

/** The content blocks of a stream: each is started, given piece by piece, and stopped before the next one starts. */
function* blocks({ pieces }: Choice): Generator<MockFrame> {
  let index = -1
  let open: Piece | undefined
  const stop = function* (): Generator<MockFrame> {
    if (!open) return
    const signature = { type: 'signature_delta', signature: SIGNATURE }
    if (open.type === 'reasoning') yield event({ type: 'content_block_delta', index, delta: signature })
    yield event({ type: 'content_block_stop', index })
  }
  for (const piece of pieces) {
    if (piece.type !== 'args' && (piece.type === 'tool' || piece.type !== open?.type)) {
      yield* stop()
      index += 1
      open = piece
      yield event({ type: 'content_block_start', index, content_block: blockOf(piece) })
      if (index === 0) yield event({ type: 'ping' })
    }
    yield event({ type: 'content_block_delta', index, delta: deltaOf(piece) })
  }
  yield* stop()
}

function blockOf(piece: Exclude<Piece, { type: 'args' }>): JsonObject {
  if (piece.type === 'tool') return { type: 'tool_use', id: piece.id, name: piece.name, input: {} }
  return piece.type === 'text'
    ? { type: 'text', text: '' }
    : { type: 'thinking', thinking: '', signature: '' }
}

function deltaOf(piece: Piece): JsonObject {
  switch (piece.type) {
    case 'tool':
      return { type: 'input_json_delta', partial_json: '' }
    case 'args':
      return { type: 'input_json_delta', partial_json: piece.text }
    case 'reasoning':
      return { type: 'thinking_delta', thinking: piece.text }
    default:
      return { type: 'text_delta', text: piece.text }
  }
}

function event(data: JsonObject & { type: string }): MockFrame {
  return { event: data.type, data }
}

function usage(counts: MockUsage | undefined, output = counts?.completion): JsonObject | undefined {
  return (
    counts && {
      input_tokens: counts.prompt,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 0,
      output_tokens: output,
    }
  )
}
