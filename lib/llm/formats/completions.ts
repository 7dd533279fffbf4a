import type { ChatRequest } from '../chat.js'
import type { Json, JsonObject } from '../json.js'
import {
  boolean,
  type Check,
  fault,
  type Fields,
  integer,
  optional,
  shape,
  string,
  withoutNulls,
} from './check.js'
import { checkRoute } from './check-route.js'
import { COMMON_FIELDS } from './chat-decode.js'
import { CompletionsReader } from './completions-read.js'
import { CompletionsStreamSink } from './completions-stream.js'
import { CompletionsWholeSink } from './completions-whole.js'
import type { ClientFormat, Decoded } from './format.js'

/**
 * A chat request holds one conversation: there is one prompt in it, as text. Several prompts would need a request each,
 * and tokens would need the model's own tokenizer.
 */
const prompt: Check = (value, path) => {
  if (typeof value === 'string') return
  if (!Array.isArray(value) || typeof value[0] !== 'string') {
    throw fault(path, 'a string for this provider: it takes no tokens')
  }
  if (value.length > 1) throw fault(path, 'a single string for this provider: it takes one prompt a request')
}

const FIELDS: Fields = {
  prompt,
  ...COMMON_FIELDS,
  logprobs: optional(integer(0, 20)),
  echo: optional(boolean),
  best_of: optional(integer(1)),
  suffix: optional(string),
}

const request = shape(FIELDS)

/** What no chat request can say, and the value that asks for nothing. */
const INEXPRESSIBLE: readonly (readonly [field: string, nothing: Json])[] = [
  ['echo', false],
  ['best_of', 1],
  ['suffix', ''],
]

function decode(body: JsonObject): Decoded {
  checkRoute(body, 'llm/v1/completions')
  request(body, '')
  const {
    prompt: text,
    logprobs,
    echo: _echo,
    best_of: _bestOf,
    suffix: _suffix,
    ...rest
  } = withoutNulls(body)
  const chat: ChatRequest = {
    ...(rest as Omit<ChatRequest, 'messages'>), // shaped as `request` has just checked
    messages: [{ role: 'user', content: promptText(text) }],
  }
  if (typeof logprobs === 'number') {
    chat.logprobs = true
    chat.top_logprobs = logprobs
  }
  const dropped = INEXPRESSIBLE.filter(([field, nothing]) => (body[field] ?? nothing) !== nothing)
  return { chat, dropped: dropped.map(([field]) => field) }
}

/** Of a prompt that has been checked. */
function promptText(value: Json | undefined): string {
  const text = Array.isArray(value) ? value[0] : value
  return typeof text === 'string' ? text : ''
}

/** OpenAI's text completions: https://platform.openai.com/docs/api-reference/completions */
export const completions: ClientFormat = {
  check: (body) => checkRoute(body, 'llm/v1/completions'),
  decode,
  stream: (options) => new CompletionsStreamSink(options),
  whole: (options) => new CompletionsWholeSink(options),
  reader: (sink) => new CompletionsReader(sink),
}
