import type { ChatRequest } from '../../chat.js'
import type { ModelOptions, ProviderRequest, Target } from '../../driver.js'
import { encodeSegment } from '../../endpoint.js'
import { ChatError } from '../../errors.js'
import { isObject, type Json, type JsonObject } from '../../json.js'
import { isEmpty, unusedRequestFields } from '../dropped.js'
import { smallestLimit } from '../limit.js'
import { pick } from '../pick.js'
import { stopSequences } from '../stop.js'
import { convertMessages } from './messages.js'
import { type ModelTraits, modelTraits } from './model.js'
import { prepareThinking } from './thinking.js'
import { prepareTools } from './tools.js'

const PUBLIC_ORIGIN = 'https://generativelanguage.googleapis.com:443'

/** Fields of Google's own, passed through for the API to judge, in both of the spellings that it takes. */
const NATIVE_FIELDS: Readonly<Record<string, string>> = {
  safetySettings: 'safety_settings',
  cachedContent: 'cached_content',
  toolConfig: 'tool_config',
  generationConfig: 'generation_config',
  labels: 'labels',
}

/** What is read of the request, here and in the other parts; any other field is dropped. */
const USED = new Set(
  [
    ['model', 'messages', 'stream', 'stream_options'],
    ['max_tokens', 'max_completion_tokens', 'temperature', 'top_p', 'top_k', 'stop', 'seed', 'n'],
    ['presence_penalty', 'frequency_penalty', 'logprobs', 'top_logprobs'],
    ['tools', 'tool_choice', 'parallel_tool_calls', 'response_format', 'reasoning_effort'],
    Object.entries(NATIVE_FIELDS).flat(),
  ].flat(),
)

/**
 * OpenAI's chat request as a request to generateContent, of the public API or, where its three options are set, of
 * Vertex AI. A streamed answer is asked for as server-sent events by `alt=sse`, which is part of `path`.
 *
 * Source: https://ai.google.dev/api/generate-content and
 * https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference
 */
export function prepareRequest(chat: ChatRequest, target: Target): ProviderRequest {
  const dropped: string[] = []
  const traits = modelTraits(target.model)
  const vertex = vertexOptions(target.options)
  const { toolConfig, generationConfig, ...native } = nativeFields(chat)
  const { systemInstruction, contents } = convertMessages(
    chat.messages,
    traits,
    vertex === undefined,
    dropped,
  )
  const generation = {
    ...prepareGenerationConfig(chat, target.options, traits, dropped),
    ...(isObject(generationConfig) && generationConfig),
  }
  const body: JsonObject = {
    ...(systemInstruction && { systemInstruction }),
    contents,
    ...prepareTools(chat, toolConfig, dropped),
    ...(Object.keys(generation).length > 0 && { generationConfig: generation }),
    ...native,
  }
  dropped.push(...unusedRequestFields(chat, USED))
  return {
    origin: originOf(target.options),
    path: `${modelsPath(target.options)}/${operation(target)}`,
    headers: {
      'content-type': 'application/json',
      accept: target.stream ? 'text/event-stream' : 'application/json',
    },
    body,
    dropped,
  }
}

export function originOf(options: ModelOptions): string {
  return vertexOptions(options)?.origin ?? PUBLIC_ORIGIN
}

/** What the names of models are below. */
export function modelsPath(options: ModelOptions): string {
  return vertexOptions(options)?.models ?? '/v1beta/models'
}

function operation({ model, stream }: Target): string {
  return `${encodeSegment(model)}:${stream ? 'streamGenerateContent?alt=sse' : 'generateContent'}`
}

/** Where the models of `options.gemini` are, if it names all of Vertex's three. */
function vertexOptions(options: ModelOptions): { origin: string; models: string } | undefined {
  if (!isObject(options.gemini)) return undefined
  const { api_endpoint: endpoint, project_id: project, location_id: location } = options.gemini
  if (typeof endpoint !== 'string' || typeof project !== 'string' || typeof location !== 'string')
    return undefined
  // A host and nothing else: a template may have filled it in.
  if (!/^[a-z0-9.-]+$/i.test(endpoint)) {
    throw new ChatError(500, 'gemini.api_endpoint must be a host name', { param: 'gemini.api_endpoint' })
  }
  const [projectSegment, locationSegment] = [
    encodeSegment(project, 'gemini.project_id'),
    encodeSegment(location, 'gemini.location_id'),
  ]
  return {
    origin: `https://${endpoint}:443`,
    models: `/v1/projects/${projectSegment}/locations/${locationSegment}/publishers/google/models`,
  }
}

function nativeFields(chat: ChatRequest): JsonObject {
  const fields = Object.entries(NATIVE_FIELDS).flatMap(([field, snakeCase]) =>
    Object.values(pick(chat, [snakeCase, field])).map((value) => [field, value] as const),
  )
  return Object.fromEntries(fields)
}

/** https://ai.google.dev/api/generate-content#generationconfig */
function prepareGenerationConfig(
  chat: ChatRequest,
  options: ModelOptions,
  traits: ModelTraits,
  dropped: string[],
): JsonObject {
  return {
    ...set({
      maxOutputTokens: smallestLimit(chat, options),
      temperature: chat.temperature ?? options.temperature,
      topP: chat.top_p ?? options.top_p,
      topK: chat.top_k ?? options.top_k,
      stopSequences: stopSequences(chat),
      seed: chat.seed,
      candidateCount: chat.n === 1 ? undefined : chat.n,
      presencePenalty: chat.presence_penalty,
      frequencyPenalty: chat.frequency_penalty,
      responseLogprobs: chat.logprobs === true ? true : undefined,
      logprobs: chat.logprobs === true ? chat.top_logprobs : undefined,
      thinkingConfig: prepareThinking(chat, traits, dropped),
    }),
    ...responseFormat(chat.response_format, dropped),
  }
}

/** https://ai.google.dev/gemini-api/docs/structured-output */
function responseFormat(format: unknown, dropped: string[]): JsonObject {
  if (!isObject(format) || format.type === 'text') return {}
  if (format.type === 'json_object') return { responseMimeType: 'application/json' }
  if (format.type !== 'json_schema') {
    dropped.push('response_format')
    return {}
  }
  const schema = isObject(format.json_schema) ? format.json_schema.schema : undefined
  return { responseMimeType: 'application/json', ...(isObject(schema) && { responseJsonSchema: schema }) }
}

function set(fields: Record<string, Json | undefined>): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => !isEmpty(value)))
}
