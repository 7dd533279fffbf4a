import type { JsonObject } from '../llm/json.js'
import { ask, MockError, type Ask, type MockApi } from './api.js'
import type { Choice, MockUsage, Piece } from './answer.js'
import { SSE, type MockFrame } from './framing.js'
import { toolOf, toolResult } from './openai.js'
import { number, object, objects, string, strings, text } from './read.js'

/** https://docs.cohere.com/v2/reference/chat and https://docs.cohere.com/v2/reference/chat-stream */
export const cohereChat: MockApi = {
  path: /\/v2\/chat$/,
  read({ body }) {
    const model = string(body.model)
    const messages = objects(body.messages)
    if (!model) throw new MockError(400, 'invalid request: model is required', 'model')
    if (messages.length === 0)
      throw new MockError(400, 'invalid request: messages must not be empty', 'messages')
    return ask({
      model,
      questions: [text(messages.findLast(({ role }) => role === 'user')?.content)],
      prompt: messages.map(({ content }) => text(content)),
      maxTokens: number(body.max_tokens),
      stop: strings(body.stop_sequences),
      tools: objects(body.tools).map((tool) => toolOf(object(tool.function))),
      toolChoice: TOOL_CHOICE[string(body.tool_choice) ?? ''] ?? 'auto',
      toolResult: toolResult(messages),
      json: jsonSchema(object(body.response_format)),
      reasoning: object(body.thinking).type === 'enabled',
      framing: body.stream === true ? SSE : undefined,
    })
  },
  whole(_, { serial, choices, usage: counts }) {
    const choice = choices[0]!
    return {
      id: id(serial),
      message: message(choice),
      finish_reason: finishReason(choice),
      usage: usage(counts),
    }
  },
  *stream(_, { serial, choices, usage: counts }) {
    const choice = choices[0]!
    const start = { role: 'assistant', content: [], tool_plan: '', tool_calls: [], citations: [] }
    yield {
      event: 'message-start',
      data: { id: id(serial), type: 'message-start', delta: { message: start } },
    }
    yield* parts(choice)
    const delta = { finish_reason: finishReason(choice), usage: usage(counts) }
    yield { event: 'message-end', data: { type: 'message-end', delta }, closing: true }
  },
  error: ({ message }) => ({ body: { id: id(0), message } }),
  overloaded: {
    event: 'message-end',
    data: { type: 'message-end', delta: { finish_reason: 'ERROR', error: 'the model is overloaded' } },
  },
}

const TOOL_CHOICE: Readonly<Record<string, Ask['toolChoice']>> = { REQUIRED: 'required', NONE: 'none' }

const FINISH = { stop: 'COMPLETE', length: 'MAX_TOKENS', tools: 'TOOL_CALL' } as const

function jsonSchema(format: JsonObject): JsonObject | undefined {
  return format.type === 'json_object' ? object(format.json_schema ?? format.schema) : undefined
}

function id(serial: number): string {
  return `00000000-0000-4000-8000-${String(serial).padStart(12, '0')}`
}

function finishReason({ finish, stopSequence }: Choice): string {
  return stopSequence === null ? FINISH[finish] : 'STOP_SEQUENCE'
}

/** What is said before a call is the plan for it. */
function message({ reasoning, text, calls }: Choice): JsonObject {
  const thinking = reasoning === '' ? [] : [{ type: 'thinking', thinking: reasoning }]
  if (calls.length === 0) {
    return { role: 'assistant', content: [...thinking, ...(text === '' ? [] : [{ type: 'text', text }])] }
  }
  const tool_calls = calls.map(({ id, name, args }) => ({
    id,
    type: 'function',
    function: { name, arguments: args },
  }))
  return {
    role: 'assistant',
    tool_plan: text,
    tool_calls,
    ...(thinking.length > 0 ? { content: thinking } : {}),
  }
}

/** Content blocks and tool calls: each is started, given piece by piece, and ended; a plan has neither end nor start. */
function* parts({ pieces, calls }: Choice): Generator<MockFrame> {
  const content = { reasoning: 'thinking', text: 'text' } as const
  let open: { kind: Piece['type']; end: MockFrame } | undefined
  let blocks = 0
  for (const piece of pieces) {
    if (piece.type === 'text' && calls.length > 0) {
      if (open) yield open.end
      open = undefined
      yield part('tool-plan-delta', undefined, { tool_plan: piece.text })
    } else if (piece.type === 'tool') {
      if (open) yield open.end
      open = { kind: 'tool', end: part('tool-call-end', piece.call) }
      const call = { id: piece.id, type: 'function', function: { name: piece.name, arguments: '' } }
      yield part('tool-call-start', piece.call, { tool_calls: call })
    } else if (piece.type === 'args') {
      yield part('tool-call-delta', piece.call, { tool_calls: { function: { arguments: piece.text } } })
    } else {
      const type = content[piece.type]
      if (open?.kind !== piece.type) {
        if (open) yield open.end
        open = { kind: piece.type, end: part('content-end', blocks) }
        yield part('content-start', blocks, { content: { type, [type]: '' } })
        blocks += 1
      }
      yield part('content-delta', blocks - 1, { content: { [type]: piece.text } })
    }
  }
  if (open) yield open.end
}

function part(type: string, index: number | undefined, message?: JsonObject): MockFrame {
  return { event: type, data: { type, index, delta: message && { message } } }
}

function usage(counts: MockUsage | undefined): JsonObject | undefined {
  if (!counts) return undefined
  const tokens = { input_tokens: counts.prompt, output_tokens: counts.completion }
  return { billed_units: tokens, tokens, cached_tokens: 0 }
}
