import type { ChatRequest } from '../../chat.js'
import type { ModelOptions, ProviderRequest, Target } from '../../driver.js'
import { isObject, type Json, type JsonObject } from '../../json.js'
import { isEmpty, unusedRequestFields } from '../dropped.js'
import { smallestLimit } from '../limit.js'
import { lookup } from '../lookup.js'
import { pick } from '../pick.js'
import { stopSequences } from '../stop.js'
import { convertMessages } from './messages.js'
import { modelTraits } from './model.js'
import { prepareSampling } from './sampling.js'
import { prepareThinking } from './thinking.js'
import { prepareTools } from './tools.js'

export const ORIGIN = 'https://api.anthropic.com:443'
const PATH = '/v1/messages'
const DEFAULT_VERSION = '2023-06-01'
/** The API has no default of its own. */
const DEFAULT_MAX_TOKENS = 4096

/** Fields of Anthropic's own, passed through for the API to judge; some need a beta named in `anthropic-beta`. */
const NATIVE_FIELDS = [
  'cache_control',
  'container',
  'context_management',
  'inference_geo',
  'mcp_servers',
  'speed',
]

/** What is read of the request, here and in the other parts; any other field is dropped. */
const USED = new Set(
  [
    ['model', 'messages', 'stream', 'stream_options'],
    ['max_tokens', 'max_completion_tokens', 'temperature', 'top_p', 'top_k', 'stop'],
    ['tools', 'tool_choice', 'parallel_tool_calls', 'response_format', 'output_config'],
    ['reasoning_effort', 'thinking', 'user', 'safety_identifier', 'metadata', 'service_tier'],
    NATIVE_FIELDS,
  ].flat(),
)

/**
 * OpenAI's chat request as a request to the Messages API.
 *
 * Source: https://docs.claude.com/en/api/messages
 */
export function prepareRequest(chat: ChatRequest, target: Target): ProviderRequest {
  const dropped: string[] = []
  const traits = modelTraits(target.model)
  const { system, messages } = convertMessages(chat.messages, dropped)
  const { tools, toolChoice, forced } = prepareTools(chat, dropped)
  const { thinking, effort, budget } = prepareThinking(chat, traits.adaptiveOnly, forced, dropped)
  const isThinking = thinking !== undefined && thinking.type !== 'disabled'
  const stop = prepareStop(chat, dropped)
  const metadata = prepareMetadata(chat, dropped)
  const outputConfig = prepareOutputConfig(chat, effort, dropped)

  const body: JsonObject = {
    model: target.model,
    max_tokens: maxTokens(chat, target, budget),
    ...(system.length > 0 && { system }),
    messages,
    ...(tools && { tools }),
    ...(toolChoice && { tool_choice: toolChoice }),
    ...prepareSampling(chat, target.options, traits, isThinking, dropped),
    ...(stop.length > 0 && { stop_sequences: stop }),
    ...(thinking && { thinking }),
    ...(outputConfig && { output_config: outputConfig }),
    ...(metadata && { metadata }),
    ...prepareServiceTier(chat, dropped),
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
      ...versionHeader(target.options),
    },
    body,
    dropped,
  }
}

/** Every request needs it: https://docs.claude.com/en/api/versioning */
export function versionHeader({ anthropic_version }: ModelOptions): Record<string, string> {
  return { 'anthropic-version': anthropic_version ?? DEFAULT_VERSION }
}

/** The smallest limit that anyone set, but always room for an answer beside the thinking. */
function maxTokens(chat: ChatRequest, target: Target, budget: number): number {
  const limit = smallestLimit(chat, target.options) ?? DEFAULT_MAX_TOKENS
  return budget > 0 && limit <= budget ? budget + limit : limit
}

/** The API refuses blank stop sequences. */
function prepareStop(chat: ChatRequest, dropped: string[]): string[] {
  const sequences = stopSequences(chat)
  const usable = sequences.filter((sequence) => sequence.trim() !== '')
  if (usable.length < sequences.length) dropped.push('stop')
  return usable
}

/** Who asks is all that the API takes of metadata. OpenAI's `safety_identifier` is the heir of its `user`. */
function prepareMetadata(chat: ChatRequest, dropped: string[]): JsonObject | undefined {
  const { user_id: own, ...others } = chat.metadata ?? {}
  if (Object.keys(others).length > 0) dropped.push('metadata')
  const id = own ?? chat.safety_identifier ?? chat.user
  return typeof id === 'string' && id !== '' ? { user_id: id } : undefined
}

/** Structured outputs, generally available without a beta: https://docs.claude.com/en/docs/build-with-claude/structured-outputs */
function prepareOutputConfig(
  chat: ChatRequest,
  effort: string | undefined,
  dropped: string[],
): JsonObject | undefined {
  const config: JsonObject = {
    ...(effort !== undefined && { effort }),
    ...outputFormat(chat.response_format, dropped),
    ...(isObject(chat.output_config) && chat.output_config),
  }
  return Object.keys(config).length > 0 ? config : undefined
}

/** JSON without a schema (`json_object`) cannot be asked for. */
function outputFormat(responseFormat: unknown, dropped: string[]): JsonObject {
  if (!isObject(responseFormat) || responseFormat.type === 'text') return {}
  const schema = isObject(responseFormat.json_schema) ? responseFormat.json_schema.schema : undefined
  if (responseFormat.type === 'json_schema' && isObject(schema))
    return { format: { type: 'json_schema', schema } }
  dropped.push('response_format')
  return {}
}

const SERVICE_TIERS: Readonly<Record<string, string>> = {
  auto: 'auto',
  default: 'standard_only',
  standard_only: 'standard_only',
}

function prepareServiceTier(chat: ChatRequest, dropped: string[]): { service_tier?: Json } {
  const tier = lookup(SERVICE_TIERS, chat.service_tier)
  if (tier !== undefined) return { service_tier: tier }
  if (!isEmpty(chat.service_tier)) dropped.push('service_tier')
  return {}
}
