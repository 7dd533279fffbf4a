import { parseJson, type JsonObject } from '../llm/json.js'
import { ask, MockError, type ApiRequest, type Ask, type MockApi } from './api.js'
import { SIGNATURE, type Choice, type MockUsage, type Piece } from './answer.js'
import { AWS_EVENT_STREAM, type MockFrame } from './framing.js'
import { number, object, objects, string, strings, text } from './read.js'

/**
 * Converse and ConverseStream: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html and
 * .../API_runtime_ConverseStream.html
 */
export const bedrockConverse: MockApi = {
  path: /\/model\/(?<model>.+)\/converse(?<stream>-stream)?$/,
  read: readConverse,
  whole(_, { choices, usage: counts }) {
    const choice = choices[0]!
    return {
      metrics: { latencyMs: 100 },
      output: { message: { content: contentOf(choice), role: 'assistant' } },
      stopReason: stopReason(choice),
      usage: usage(counts),
    }
  },
  *stream(_, { choices, usage: counts }) {
    const choice = choices[0]!
    yield event('messageStart', { role: 'assistant' })
    yield* blocks(choice)
    yield { ...event('messageStop', { stopReason: stopReason(choice) }), closing: true }
    yield { ...event('metadata', { metrics: { latencyMs: 100 }, usage: usage(counts) }), closing: true }
  },
  error({ status, message }) {
    const type = ERRORS[status] ?? (status < 500 ? 'ValidationException' : 'InternalServerException')
    return {
      headers: { 'x-amzn-errortype': `${type}:http://internal.amazon.com/coral/com.amazon.bedrock/` },
      body: { message },
    }
  },
  overloaded: {
    event: 'serviceUnavailableException',
    data: { message: 'Bedrock is unable to process your request.' },
    exception: true,
  },
}

const ERRORS: Readonly<Record<number, string>> = {
  403: 'AccessDeniedException',
  404: 'ResourceNotFoundException',
  408: 'ModelTimeoutException',
  424: 'ModelErrorException',
  429: 'ThrottlingException',
  503: 'ServiceUnavailableException',
}

const STOP_REASON = { stop: 'end_turn', length: 'max_tokens', tools: 'tool_use' } as const

/** Bedrock pads its events, to hide how long they are. */
const PADDING = 'abcdefghijklm'

function readConverse({ body, captures }: ApiRequest): Ask {
  const messages = objects(body.messages)
  if (messages.length === 0) throw new MockError(400, 'A conversation must start with a user message.')
  const config = object(body.inferenceConfig)
  const toolConfig = object(body.toolConfig)
  const user = messages.findLast(({ role, content }) => role === 'user' && text(content) !== '')
  return ask({
    model: captures.model ?? '',
    questions: [text(user?.content)],
    prompt: [text(body.system), ...messages.map(({ content }) => text(content))],
    maxTokens: number(config.maxTokens),
    stop: strings(config.stopSequences),
    tools: objects(toolConfig.tools)
      .map(({ toolSpec }) => object(toolSpec))
      .map((tool) => ({ name: string(tool.name) ?? '', parameters: object(object(tool.inputSchema).json) })),
    toolChoice: toolChoice(object(toolConfig.toolChoice)),
    toolResult: toolResult(messages.at(-1)),
    reasoning: object(object(body.additionalModelRequestFields).thinking).type === 'enabled',
    framing: captures.stream === undefined ? undefined : AWS_EVENT_STREAM,
  })
}

function toolChoice({ any, tool }: JsonObject): Ask['toolChoice'] {
  const name = string(object(tool).name)
  if (name !== undefined) return { name }
  return any === undefined ? 'auto' : 'required'
}

function toolResult(message: JsonObject | undefined): string | undefined {
  const results = objects(message?.content).flatMap(({ toolResult }) => objects([toolResult ?? null]))
  if (results.length === 0) return undefined
  return results
    .flatMap(({ content }) => objects(content))
    .map((part) => string(part.text) ?? JSON.stringify(part.json ?? ''))
    .join(', ')
}

function stopReason({ finish, stopSequence }: Choice): string {
  return stopSequence === null ? STOP_REASON[finish] : 'stop_sequence'
}

function contentOf({ reasoning, text, calls }: Choice): JsonObject[] {
  const thought = { reasoningContent: { reasoningText: { text: reasoning, signature: SIGNATURE } } }
  return [
    ...(reasoning === '' ? [] : [thought]),
    ...(text === '' ? [] : [{ text }]),
    ...calls.map(({ id, name, args }) => ({
      toolUse: { toolUseId: id, name, input: parseJson(args) ?? {} },
    })),
  ]
}

/** The content blocks: only those of tools are started by an event, all are stopped by one. */
function* blocks({ pieces }: Choice): Generator<MockFrame> {
  let contentBlockIndex = -1
  let open: Piece['type'] | undefined
  const delta = (delta: JsonObject): MockFrame => event('contentBlockDelta', { contentBlockIndex, delta })
  const stop = function* (): Generator<MockFrame> {
    if (open === 'reasoning') yield delta({ reasoningContent: { signature: SIGNATURE } })
    if (open) yield event('contentBlockStop', { contentBlockIndex })
  }
  for (const piece of pieces) {
    if (piece.type === 'tool' || (piece.type !== 'args' && piece.type !== open)) {
      yield* stop()
      contentBlockIndex += 1
      open = piece.type
    }
    if (piece.type === 'tool') {
      const start = { toolUse: { toolUseId: piece.id, name: piece.name } }
      yield event('contentBlockStart', { contentBlockIndex, start })
    } else if (piece.type === 'args') {
      yield delta({ toolUse: { input: piece.text } })
    } else {
      yield delta(piece.type === 'text' ? { text: piece.text } : { reasoningContent: { text: piece.text } })
    }
  }
  yield* stop()
}

function event(event: string, data: JsonObject): MockFrame {
  return { event, data: { ...data, p: PADDING } }
}

function usage(counts: MockUsage | undefined): JsonObject | undefined {
  return (
    counts && {
      inputTokens: counts.prompt,
      outputTokens: counts.completion,
      totalTokens: counts.prompt + counts.completion,
    }
  )
}
