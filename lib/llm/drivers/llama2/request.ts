import type { ChatRequest } from '../../chat.js'
import type { ModelOptions, ProviderRequest, Target } from '../../driver.js'
import { isObject, type JsonObject } from '../../json.js'
import { ANSWER_NOTES, unusedFields, unusedRequestFields } from '../dropped.js'
import { selfHosted } from '../host.js'
import { smallestLimit } from '../limit.js'
import { pick } from '../pick.js'
import { stopSequences } from '../stop.js'
import { prompt } from './prompt.js'

/** Fields of the server's own, passed through for it to judge. */
const NATIVE_FIELDS = ['repetition_penalty', 'typical_p', 'truncate', 'watermark', 'adapter_id']

/** What is read of the request; any other field is dropped. */
const USED = new Set(
  [
    ['model', 'messages', 'stream', 'stream_options', 'max_tokens', 'max_completion_tokens'],
    ['temperature', 'top_p', 'top_k', 'frequency_penalty', 'seed', 'stop', 'response_format'],
    NATIVE_FIELDS,
  ].flat(),
)

/** What is read of a message; its tools are judged with the prompt. */
const MESSAGE_FIELDS = ['role', 'content', 'tool_calls', 'tool_call_id']
const USED_OF_MESSAGE = new Set([...MESSAGE_FIELDS, ...ANSWER_NOTES, 'refusal'])

/**
 * OpenAI's chat request as a text to go on with.
 *
 * Source: https://huggingface.github.io/text-generation-inference/ (`POST /`, the path where streamed and whole answers
 * have the same place)
 */
export function prepareRequest(chat: ChatRequest, target: Target): ProviderRequest {
  const dropped: string[] = []
  chat.messages.forEach((message, i) => {
    dropped.push(...unusedFields(message, USED_OF_MESSAGE, `messages[${i}]`))
  })
  const body: JsonObject = {
    inputs: prompt(chat.messages, dropped),
    parameters: {
      ...prepareParameters(chat, target.options, dropped),
      // Why the answer ended, and its tokens.
      details: true,
    },
    stream: target.stream,
  }
  dropped.push(...unusedRequestFields(chat, USED))
  return {
    origin: selfHosted(target.options),
    path: '/',
    headers: {
      'content-type': 'application/json',
      accept: target.stream ? 'text/event-stream' : 'application/json',
    },
    body,
    dropped,
  }
}

function prepareParameters(chat: ChatRequest, options: ModelOptions, dropped: string[]): JsonObject {
  const limit = smallestLimit(chat, options)
  const stop = stopSequences(chat)
  const sampling = {
    temperature: chat.temperature ?? options.temperature,
    top_p: chat.top_p ?? options.top_p,
    top_k: chat.top_k ?? options.top_k,
  }
  return {
    ...(limit !== undefined && { max_new_tokens: limit }),
    // The server refuses those values that switch sampling off: it does so where they are absent.
    ...(sampling.temperature !== 0 && pick(sampling, ['temperature'])),
    ...(sampling.top_p !== 1 && pick(sampling, ['top_p'])),
    ...(sampling.top_k !== 0 && pick(sampling, ['top_k'])),
    ...pick(chat, ['frequency_penalty', 'seed', ...NATIVE_FIELDS]),
    ...(stop.length > 0 && { stop }),
    ...prepareGrammar(chat.response_format, dropped),
  }
}

/** https://huggingface.co/docs/text-generation-inference/conceptual/guidance; JSON without a schema cannot be asked for. */
function prepareGrammar(asked: unknown, dropped: string[]): JsonObject {
  if (!isObject(asked) || asked.type === 'text') return {}
  const schema = isObject(asked.json_schema) ? asked.json_schema.schema : undefined
  if (isObject(schema)) return { grammar: { type: 'json', value: schema } }
  dropped.push('response_format')
  return {}
}
