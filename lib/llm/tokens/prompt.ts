import { isObject, type Json, type JsonObject } from '../json.js'
import { imageTokens } from './images.js'
import type { TokenModel } from './models.js'
import { otherPromptTally } from './other-prompt.js'
import { Tally } from './tally.js'
import { toolDefinitions } from './tool-definitions.js'

/** Around each message, besides its role. */
const MESSAGE = 3
/** Of a message's `name`, besides the name. */
const NAME = 1
/** Around the definitions of all tools, which stand below the first system message if there is one. */
const TOOLS = 9
const TOOLS_AFTER_SYSTEM = -4
/** Of the message of a function's result, before there were tools. */
const FUNCTION_ROLE = -2
/** Of the message of a tool's result. */
const TOOL_ROLE = 2
const ROLES: ReadonlyMap<unknown, number> = new Map([
  ['function', FUNCTION_ROLE],
  ['tool', TOOL_ROLE],
])
/** Of a function's call in an assistant's message, besides name and arguments. */
const FUNCTION_CALL = 3
/** The same of a tool's; several at a time that are wrapped in one have something around them besides. */
const CALL = 5
const WRAPPED = 6
/** Of a `tool_choice` that names a function, besides the name; and of `none`. */
const CHOICE = 4
const CHOICE_NONE = 1
/** Speech: ten tokens a second of what is mostly 24 kHz and 16 bits (https://platform.openai.com/docs/guides/realtime-costs). */
const AUDIO_BYTES_PER_TOKEN = 4800
/** A page of a document, of about 50 KB: as text and as an image (https://docs.claude.com/en/docs/build-with-claude/pdf-support). */
const FILE_BYTES_PER_TOKEN = 25

/**
 * What a request is: in either of OpenAI's formats, a text completion whose prompt goes to a chat model as a message, or of an
 * API of another format.
 */
export type PromptForm = 'openai' | 'framed' | 'other'

/**
 * The prompt of a request, as the client sent it: whatever is not as it should be counts nothing.
 *
 * Source: https://cookbook.openai.com/examples/how_to_count_tokens_with_tiktoken
 */
export function promptTally(body: JsonObject, model: TokenModel, form: PromptForm): Tally {
  if (form === 'other') return otherPromptTally(body)
  const tally = new Tally()
  if (Array.isArray(body.messages)) chat(tally, body, body.messages, model)
  else completion(tally, body.prompt, form === 'framed' ? model : undefined)
  return tally
}

/** `chat`: the model, where the prompt is a message to it. */
function completion(tally: Tally, prompt: Json | undefined, chat: TokenModel | undefined): void {
  for (const one of Array.isArray(prompt) ? prompt : [prompt]) {
    if (typeof one === 'string') tally.text(one)
    else if (typeof one === 'number') tally.tokens++
    else if (Array.isArray(one)) tally.tokens += one.length
  }
  if (chat) tally.tokens += MESSAGE + 1 + chat.priming
}

function chat(tally: Tally, body: JsonObject, messages: Json[], model: TokenModel): void {
  const functions = functionsOf(body)
  const system = messages.find((entry) => isObject(entry) && entry.role === 'system')
  for (const entry of messages) {
    if (isObject(entry)) message(tally, entry, model, functions.length > 0 && entry === system ? '\n' : '')
  }
  tally.tokens += model.priming
  if (functions.length > 0) {
    tally.text(toolDefinitions(functions))
    tally.tokens += TOOLS + (system === undefined ? 0 : TOOLS_AFTER_SYSTEM) + model.tools
  }
  toolChoice(tally, body.tool_choice ?? body.function_call)
  const format = body.response_format
  if (isObject(format) && isObject(format.json_schema)) {
    tally.text(JSON.stringify(format.json_schema.schema ?? {}))
  }
}

/** `ending`: what follows the content. */
function message(tally: Tally, entry: JsonObject, model: TokenModel, ending: string): void {
  const { content } = entry
  tally.tokens += MESSAGE + (ROLES.get(entry.role) ?? 0)
  text(tally, entry.role)
  if (typeof entry.name === 'string' && entry.name !== '') {
    tally.tokens += NAME
    tally.text(entry.name)
  }
  text(tally, typeof content === 'string' && !content.endsWith('\n') ? content + ending : content)
  text(tally, entry.refusal)
  for (const each of listOf(content)) part(tally, each, model)
  toolCalls(tally, listOf(entry.tool_calls), model)
  if (isObject(entry.function_call)) called(tally, entry.function_call, FUNCTION_CALL)
}

function toolCalls(tally: Tally, calls: JsonObject[], { parallel }: TokenModel): void {
  const wraps = calls.length > 1 ? parallel : undefined
  if (wraps) tally.tokens += WRAPPED
  for (const call of calls) if (isObject(call.function)) called(tally, call.function, wraps?.[1] ?? CALL)
}

function called(tally: Tally, called: JsonObject, besides: number): void {
  tally.tokens += besides
  text(tally, called.name)
  text(tally, called.arguments)
}

function part(tally: Tally, each: JsonObject, model: TokenModel): void {
  text(tally, each.text)
  text(tally, each.refusal)
  const { image_url: image, input_audio: audio, file } = each
  const url = isObject(image) ? image.url : image
  if (typeof url === 'string') {
    tally.tokens += imageTokens(url, isObject(image) ? image.detail : undefined, model)
  }
  if (isObject(audio)) tally.tokens += Math.ceil(bytesOf(audio.data) / AUDIO_BYTES_PER_TOKEN)
  if (isObject(file)) tally.tokens += Math.ceil(bytesOf(file.file_data) / FILE_BYTES_PER_TOKEN)
}

/** `functions` is from before there were tools. */
export function functionsOf(body: JsonObject): JsonObject[] {
  const ofTools = listOf(body.tools).map((tool) => tool.function)
  return [...ofTools, ...listOf(body.functions)].filter((one) => isObject(one))
}

function toolChoice(tally: Tally, choice: Json | undefined): void {
  if (choice === 'none') tally.tokens += CHOICE_NONE
  if (!isObject(choice)) return
  const { name } = isObject(choice.function) ? choice.function : choice
  if (typeof name !== 'string') return
  tally.tokens += CHOICE
  tally.text(name)
}

function text(tally: Tally, value: Json | undefined): void {
  if (typeof value === 'string') tally.text(value)
}

function listOf(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter((entry) => isObject(entry)) : []
}

/** Of base64. */
function bytesOf(data: Json | undefined): number {
  return typeof data === 'string' ? data.length * 0.75 : 0
}
