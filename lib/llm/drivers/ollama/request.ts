import type { ChatRequest } from '../../chat.js'
import type { ModelOptions, ProviderRequest, Target } from '../../driver.js'
import { isObject, type Json, type JsonObject } from '../../json.js'
import { isEmpty, unusedRequestFields } from '../dropped.js'
import { selfHosted } from '../host.js'
import { smallestLimit } from '../limit.js'
import { lookup } from '../lookup.js'
import { pick } from '../pick.js'
import { stopSequences } from '../stop.js'
import { convertMessages } from './messages.js'
import { asPrompt, isGenerate } from './prompt.js'
import { prepareTools } from './tools.js'

const PATH = '/api/chat'

/** Fields of Ollama's own, passed through for the server to judge. */
const NATIVE_FIELDS = ['keep_alive', 'truncate', 'shift', 'logprobs', 'top_logprobs']

/** Parameters of the model that have the same name in OpenAI's request, or none there. */
const OPTIONS = [
  ['seed', 'presence_penalty', 'frequency_penalty'],
  ['min_p', 'typical_p', 'repeat_penalty', 'repeat_last_n'],
  ['num_ctx', 'num_keep', 'num_batch', 'num_gpu', 'main_gpu', 'use_mmap', 'num_thread'],
].flat()

/** What is read of the request, here and in the other parts; any other field is dropped. */
const USED = new Set(
  [
    ['model', 'messages', 'stream', 'stream_options'],
    ['max_tokens', 'max_completion_tokens', 'temperature', 'top_p', 'top_k', 'stop', 'options'],
    ['tools', 'tool_choice', 'parallel_tool_calls', 'response_format', 'format'],
    ['reasoning_effort', 'think'],
    NATIVE_FIELDS,
    OPTIONS,
  ].flat(),
)

/**
 * OpenAI's chat request as one to Ollama. An `upstream_url` of the older `/api/generate` gets what that one takes.
 *
 * Source: https://docs.ollama.com/api/chat, /api/generate
 */
export function prepareRequest(chat: ChatRequest, target: Target): ProviderRequest {
  const { options } = target
  const dropped: string[] = []
  const messages = convertMessages(chat.messages, dropped)
  const tools = prepareTools(chat, dropped)
  const parameters = prepareOptions(chat, options)
  const body: JsonObject = {
    model: target.model,
    ...(isGenerate(options)
      ? asPrompt(messages, tools)
      : { messages: messages as unknown as Json, ...(tools.length > 0 && { tools }) }), // plain JSON, by its type
    ...prepareFormat(chat),
    ...prepareThinking(chat, dropped),
    ...(!isEmpty(parameters) && { options: parameters }),
    ...pick(chat, NATIVE_FIELDS),
    stream: target.stream,
  }
  dropped.push(...unusedRequestFields(chat, USED))
  return {
    origin: selfHosted(options),
    path: PATH,
    headers: {
      'content-type': 'application/json',
      accept: target.stream ? 'application/x-ndjson' : 'application/json',
    },
    body,
    dropped,
  }
}

/** https://docs.ollama.com/modelfile#valid-parameters-and-values */
function prepareOptions(chat: ChatRequest, config: ModelOptions): JsonObject {
  const stop = stopSequences(chat)
  const parameters = {
    num_predict: smallestLimit(chat, config),
    temperature: chat.temperature ?? config.temperature,
    top_p: chat.top_p ?? config.top_p,
    top_k: chat.top_k ?? config.top_k,
  }
  return {
    ...pick(parameters, Object.keys(parameters)),
    ...(stop.length > 0 && { stop }),
    ...pick(chat, OPTIONS),
    ...(isObject(chat.options) && chat.options),
  }
}

/** https://docs.ollama.com/capabilities/structured-outputs */
function prepareFormat(chat: ChatRequest): JsonObject {
  const { response_format: asked } = chat
  if (!isEmpty(chat.format)) return pick(chat, ['format'])
  if (asked?.type === 'json_object') return { format: 'json' }
  return asked?.type === 'json_schema' ? { format: asked.json_schema.schema ?? 'json' } : {}
}

/** By `reasoning_effort`: https://docs.ollama.com/capabilities/thinking */
const EFFORTS: Readonly<Record<string, boolean | string>> = {
  none: false,
  minimal: 'low',
  low: 'low',
  medium: 'medium',
  high: 'high',
  xhigh: 'max',
  max: 'max',
}

function prepareThinking(chat: ChatRequest, dropped: string[]): JsonObject {
  if (chat.think !== undefined) return pick(chat, ['think'])
  const think = lookup(EFFORTS, chat.reasoning_effort)
  if (think === undefined && !isEmpty(chat.reasoning_effort)) dropped.push('reasoning_effort')
  return think === undefined ? {} : { think }
}
