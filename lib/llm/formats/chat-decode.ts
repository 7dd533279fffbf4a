import type { ChatRequest } from '../chat.js'
import { isObject, type Json, type JsonObject } from '../json.js'
import {
  boolean,
  type Check,
  fault,
  type Fields,
  integer,
  list,
  nonEmptyString,
  number,
  object,
  oneOf,
  optional,
  shape,
  string,
  variants,
  withoutNulls,
} from './check.js'
import { checkRoute } from './check-route.js'

const imageUrl: Check = (value, path) => {
  if (typeof value !== 'string' || !/^(?:https?:|data:)/i.test(value)) {
    throw fault(path, 'an http, https or data URL')
  }
}

const file: Check = (value, path) => {
  shape({ file_data: optional(string), file_id: optional(string), filename: optional(string) })(value, path)
  if (isObject(value) && typeof value.file_data !== 'string' && typeof value.file_id !== 'string') {
    throw fault(path, 'an object with file_data or file_id')
  }
}

const PARTS = {
  text: { text: string },
  refusal: { refusal: string },
  image_url: { image_url: shape({ url: imageUrl, detail: optional(string) }) },
  input_audio: { input_audio: shape({ data: string, format: nonEmptyString }) },
  file: { file },
} satisfies Record<string, Fields>

/** Whether a part or tool is of a type that is not OpenAI's: some provider may know it, the others drop it. */
function isForeign(value: Json | undefined, known: object): boolean {
  return (
    isObject(value) &&
    typeof value.type === 'string' &&
    value.type !== '' &&
    !Object.hasOwn(known, value.type)
  )
}

function content(types: readonly (keyof typeof PARTS)[]): Check {
  const known = variants('type', Object.fromEntries(types.map((type) => [type, PARTS[type]])))
  const parts = list((part, path) => {
    if (!isForeign(part, PARTS)) known(part, path)
  })
  return (value, path) => {
    if (typeof value === 'string') return
    if (!Array.isArray(value) || value.length === 0)
      throw fault(path, 'a string or a non-empty array of parts')
    parts(value, path)
  }
}

const toolCall = variants('type', {
  function: { id: nonEmptyString, function: shape({ name: nonEmptyString, arguments: string }) },
})

const text = content(['text'])

const message = variants('role', {
  system: { content: text, name: optional(string) },
  developer: { content: text, name: optional(string) },
  user: { content: content(['text', 'image_url', 'input_audio', 'file']), name: optional(string) },
  assistant: {
    content: optional(content(['text', 'refusal'])),
    refusal: optional(string),
    name: optional(string),
    tool_calls: optional(list(toolCall)),
    reasoning_content: optional(string),
    thinking_blocks: optional(
      list(
        variants('type', {
          thinking: { thinking: string, signature: string },
          redacted_thinking: { data: string },
        }),
      ),
    ),
  },
  tool: { content: content(['text', 'image_url', 'input_audio', 'file']), tool_call_id: nonEmptyString },
})

const TOOLS = {
  function: {
    function: shape({
      name: nonEmptyString,
      description: optional(string),
      parameters: optional(object),
      strict: optional(boolean),
    }),
  },
} satisfies Record<string, Fields>

const knownTool = variants('type', TOOLS)
const tool: Check = (value, path) => {
  // Google's own tools have no type but a name for a field: `{"googleSearch": {}}`.
  const isGoogles = isObject(value) && value.type === undefined && value.function === undefined
  if (!isGoogles && !isForeign(value, TOOLS)) knownTool(value, path)
}

const namedTool = variants('type', {
  function: { function: shape({ name: nonEmptyString }) },
  allowed_tools: { allowed_tools: shape({ mode: oneOf('auto', 'required'), tools: list(object) }) },
})
const toolMode = oneOf('none', 'auto', 'required')
const toolChoice: Check = (value, path) => (isObject(value) ? namedTool : toolMode)(value, path)

const responseFormat = variants('type', {
  text: {},
  json_object: {},
  json_schema: {
    json_schema: shape({
      name: nonEmptyString,
      description: optional(string),
      schema: optional(object),
      strict: optional(boolean),
    }),
  },
})

const strings = list(string)
const stop: Check = (value, path) => {
  if (typeof value === 'string') return
  if (!Array.isArray(value)) throw fault(path, 'a string or an array of strings')
  strings(value, path)
}

/** What both chat and completions requests may say. */
export const COMMON_FIELDS: Fields = {
  model: optional(string),
  stream: optional(boolean),
  stream_options: optional(shape({ include_usage: optional(boolean) })),
  max_tokens: optional(integer(1)),
  temperature: optional(number),
  top_p: optional(number),
  top_k: optional(integer(0)),
  n: optional(integer(1, 128)),
  stop: optional(stop),
  seed: optional(integer(Number.MIN_SAFE_INTEGER)),
  presence_penalty: optional(number),
  frequency_penalty: optional(number),
  logit_bias: optional(object),
  user: optional(string),
}

const request = shape({
  messages: list(message),
  ...COMMON_FIELDS,
  max_completion_tokens: optional(integer(1)),
  logprobs: optional(boolean),
  top_logprobs: optional(integer(0, 20)),
  tools: optional(list(tool)),
  tool_choice: optional(toolChoice),
  parallel_tool_calls: optional(boolean),
  response_format: optional(responseFormat),
  reasoning_effort: optional(string),
  metadata: optional(object),
})

/** Message fields that mean the same absent and null, and whose null the types allow. */
const NULLABLE = ['content', 'refusal', 'reasoning_content']

/**
 * Checks everything of a chat request that drivers rely on; fields nobody names pass, and so do parts and tools of types
 * that are not OpenAI's. Null fields are left out, so that
 * no driver meets a null that its types do not show.
 *
 * @throws ChatError 400; `param` is the path of the fault, the message says what is allowed there
 */
export function decodeChat(body: JsonObject): ChatRequest {
  checkRoute(body, 'llm/v1/chat')
  request(body, '')
  const chat = withoutNulls(body)
  const messages = mapChanged(chat.messages, (item) => withoutNulls(item, NULLABLE))
  const tools = mapChanged(chat.tools, withoutNullsInFunction)
  const decoded: unknown =
    messages === chat.messages && tools === chat.tools
      ? chat
      : { ...chat, messages, ...(tools === undefined ? {} : { tools }) }
  return decoded as ChatRequest // its shape is what `request` has just checked
}

function withoutNullsInFunction(item: JsonObject): JsonObject {
  if (!isObject(item.function)) return item
  const details = withoutNulls(item.function)
  return details === item.function ? item : { ...item, function: details }
}

/** A list of objects with `change` made to each; the list itself where that changes nothing. */
function mapChanged(items: Json | undefined, change: (item: JsonObject) => JsonObject): Json | undefined {
  if (!Array.isArray(items)) return items
  let changed = false
  const mapped = items.map((item) => {
    if (!isObject(item)) return item
    const next = change(item)
    if (next !== item) changed = true
    return next
  })
  return changed ? mapped : items
}
