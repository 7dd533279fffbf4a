import type { ChatRequest } from '../../chat.js'
import type { ModelOptions, ProviderRequest, Target } from '../../driver.js'
import { isObject, type Json, type JsonObject } from '../../json.js'
import { isEmpty, unusedRequestFields } from '../dropped.js'
import { smallestLimit } from '../limit.js'
import { lookup } from '../lookup.js'
import { pick } from '../pick.js'
import { stopSequences } from '../stop.js'
import { convertMessages } from './messages.js'
import { prepareTools } from './tools.js'

export const ORIGIN = 'https://api.cohere.com:443'
const PATH = '/v2/chat'

/** Fields of Cohere's own, passed through for the API to judge. */
const NATIVE_FIELDS = ['documents', 'citation_options', 'safety_mode', 'strict_tools', 'priority']

/** What is read of the request, here and in the other parts; any other field is dropped. */
const USED = new Set(
  [
    ['model', 'messages', 'stream', 'stream_options', 'max_tokens', 'max_completion_tokens'],
    ['temperature', 'top_p', 'top_k', 'presence_penalty', 'frequency_penalty', 'seed', 'stop', 'logprobs'],
    ['tools', 'tool_choice', 'parallel_tool_calls', 'response_format', 'reasoning_effort', 'thinking'],
    NATIVE_FIELDS,
  ].flat(),
)

/**
 * OpenAI's chat request as one to Cohere.
 *
 * Source: https://docs.cohere.com/reference/chat
 */
export function prepareRequest(chat: ChatRequest, target: Target): ProviderRequest {
  const { options } = target
  const dropped: string[] = []
  const { thinking, budget } = prepareThinking(chat, dropped)
  const stop = stopSequences(chat)
  const body: JsonObject = {
    model: target.model,
    messages: convertMessages(chat.messages, dropped) as unknown as Json, // plain JSON, by its type
    ...prepareTools(chat, dropped),
    ...prepareFormat(chat),
    ...prepareLimit(chat, options, budget),
    ...prepareSampling(chat, options, dropped),
    ...(stop.length > 0 && { stop_sequences: stop }),
    ...(thinking && { thinking }),
    ...(chat.logprobs === true && { logprobs: true }),
    ...pick(chat, NATIVE_FIELDS),
    stream: target.stream,
  }
  dropped.push(...unusedRequestFields(chat, USED))
  return {
    origin: ORIGIN,
    path: PATH,
    headers: {
      'content-type': 'application/json',
      accept: target.stream ? 'text/event-stream' : 'application/json',
    },
    body,
    dropped,
  }
}

/** The smallest limit that anyone set, but always room for an answer beside the thinking. */
function prepareLimit(chat: ChatRequest, options: ModelOptions, budget: number): JsonObject {
  const limit = smallestLimit(chat, options)
  if (limit === undefined) return {}
  return { max_tokens: limit <= budget ? budget + limit : limit }
}

/** The API's ranges where they are narrower than OpenAI's; what lies outside counts as dropped. */
const RANGES = { p: [0.01, 0.99], presence_penalty: [0, 1], frequency_penalty: [0, 1] } as const

/** The request's values before the config's. */
function prepareSampling(chat: ChatRequest, options: ModelOptions, dropped: string[]): JsonObject {
  const { presence_penalty, frequency_penalty } = chat
  const p = chat.top_p ?? options.top_p
  const inRange = Object.entries(RANGES).flatMap(([name, [least, most]]) => {
    const asked = { p, presence_penalty, frequency_penalty }[name]
    if (asked === undefined) return []
    const value = Math.min(Math.max(asked, least), most)
    // The open ends of `top_p` are as good as their values.
    if (value !== asked && name !== 'p') dropped.push(name)
    return [[name, value]]
  })
  const others = {
    temperature: chat.temperature ?? options.temperature,
    k: chat.top_k ?? options.top_k,
    seed: chat.seed,
  }
  return { ...pick(others, ['temperature', 'k', 'seed']), ...Object.fromEntries(inRange) }
}

/** https://docs.cohere.com/docs/structured-outputs: a schema is an addition to the JSON mode. */
function prepareFormat({ response_format: asked }: ChatRequest): JsonObject {
  if (asked === undefined || asked.type === 'text') return {}
  const schema = asked.type === 'json_schema' ? asked.json_schema.schema : undefined
  return { response_format: { type: 'json_object', ...(schema && { json_schema: schema }) } }
}

/** Thinking tokens by `reasoning_effort`. */
const BUDGETS: Readonly<Record<string, number>> = {
  none: 0,
  minimal: 0,
  low: 1024,
  medium: 4096,
  high: 16384,
  xhigh: 16384,
  max: 16384,
}

/** https://docs.cohere.com/docs/reasoning: models that can think do so unless they are told not to. */
function prepareThinking(chat: ChatRequest, dropped: string[]): { thinking?: JsonObject; budget: number } {
  const { thinking: own, reasoning_effort: effort } = chat
  const budget = lookup(BUDGETS, effort)
  if (isObject(own)) {
    const { token_budget: tokens } = own
    return { thinking: own, budget: typeof tokens === 'number' ? tokens : 0 }
  }
  if (budget === undefined) {
    if (!isEmpty(effort)) dropped.push('reasoning_effort')
    return { budget: 0 }
  }
  return {
    thinking: budget === 0 ? { type: 'disabled' } : { type: 'enabled', token_budget: budget },
    budget,
  }
}
