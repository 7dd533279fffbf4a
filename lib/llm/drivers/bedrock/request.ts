import type { ChatRequest } from '../../chat.js'
import type { ModelOptions, ProviderRequest, Target } from '../../driver.js'
import { encodeSegment } from '../../endpoint.js'
import { ChatError } from '../../errors.js'
import { isObject, type Json, type JsonObject } from '../../json.js'
import { modelTraits as claudeTraits } from '../anthropic/model.js'
import { prepareSampling } from '../anthropic/sampling.js'
import { isEmpty, unusedRequestFields } from '../dropped.js'
import { smallestLimit } from '../limit.js'
import { lookup } from '../lookup.js'
import { pick } from '../pick.js'
import { stopSequences } from '../stop.js'
import { convertMessages } from './messages.js'
import { type ModelTraits, modelTraits } from './model.js'
import { type PreparedReasoning, prepareReasoning } from './reasoning.js'
import { prepareTools } from './tools.js'

/** Claude's default on this API, to which its thinking has to be added. */
const DEFAULT_MAX_TOKENS = 4096

/** Fields of Converse's own, passed through for the API to judge. */
const NATIVE_FIELDS = [
  'guardrailConfig',
  'additionalModelResponseFieldPaths',
  'performanceConfig',
  'promptVariables',
  'requestMetadata',
  'serviceTier',
]

/** What is read of the request, here and in the other parts; any other field is dropped. */
const USED = new Set(
  [
    ['model', 'messages', 'stream', 'stream_options'],
    ['max_tokens', 'max_completion_tokens', 'temperature', 'top_p', 'top_k', 'stop'],
    ['tools', 'tool_choice', 'parallel_tool_calls', 'response_format'],
    ['reasoning_effort', 'thinking', 'service_tier', 'additionalModelRequestFields'],
    NATIVE_FIELDS,
  ].flat(),
)

/**
 * OpenAI's chat request as a request to Converse or ConverseStream. The region is `options.bedrock.aws_region`: the
 * caller puts it there where only its environment knows.
 *
 * Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
 */
export function prepareRequest(chat: ChatRequest, target: Target): ProviderRequest {
  const dropped: string[] = []
  const traits = modelTraits(target.model)
  const { system, messages, calledFunctions } = convertMessages(chat.messages, traits, dropped)
  const { toolConfig, forced } = prepareTools(chat, calledFunctions, traits, dropped)
  const reasoning = prepareReasoning(chat, target.model, traits, forced, dropped)
  const { inferenceConfig, fields } = prepareInference(chat, target, traits, reasoning, dropped)
  const additional = {
    ...fields,
    ...reasoning.fields,
    ...(isObject(chat.additionalModelRequestFields) && chat.additionalModelRequestFields),
  }
  const body: JsonObject = {
    ...(system.length > 0 && { system }),
    messages,
    ...(toolConfig && { toolConfig }),
    ...(Object.keys(inferenceConfig).length > 0 && { inferenceConfig }),
    ...(Object.keys(additional).length > 0 && { additionalModelRequestFields: additional }),
    ...outputConfig(chat.response_format, dropped),
    ...serviceTier(chat.service_tier, dropped),
    ...pick(chat, NATIVE_FIELDS),
  }
  dropped.push(...unusedRequestFields(chat, USED))
  return {
    origin: originOf(target.options),
    path: `/model/${encodeSegment(target.model)}/${target.stream ? 'converse-stream' : 'converse'}`,
    headers: {
      'content-type': 'application/json',
      accept: target.stream ? 'application/vnd.amazon.eventstream' : 'application/json',
    },
    body,
    dropped,
  }
}

/** https://docs.aws.amazon.com/general/latest/gr/bedrock.html */
export function originOf({ bedrock, upstream_url: replacement }: ModelOptions): string {
  if (replacement) return replacement
  const region = isObject(bedrock) ? bedrock.aws_region : undefined
  // A label of a host name and nothing else: a template may have filled it in.
  if (typeof region !== 'string' || !/^[a-z0-9-]+$/.test(region)) {
    throw new ChatError(500, 'AWS region not specified anywhere', { param: 'bedrock.aws_region' })
  }
  const domain = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com'
  return `https://bedrock-runtime.${region}.${domain}:443`
}

/** Sampling is held to Claude's rules for every model: its scale of temperatures, 0 to 1, is the API's. */
function prepareInference(
  chat: ChatRequest,
  { model, options }: Target,
  traits: ModelTraits,
  { isThinking, budget }: PreparedReasoning,
  dropped: string[],
): { inferenceConfig: JsonObject; fields: JsonObject } {
  const rules = traits.isClaude ? claudeTraits(model) : { adaptiveOnly: false, oneSampling: false }
  const sampling = prepareSampling(chat, options, rules, isThinking, dropped)
  const { temperature, top_p: topP, top_k: topK } = sampling
  const stop = stopSequences(chat)
  const inferenceConfig = {
    maxTokens: maxTokens(chat, options, budget),
    temperature,
    topP,
    stopSequences: stop.length > 0 ? stop : undefined,
  }
  if (topK !== undefined && traits.topK === undefined && chat.top_k != null) dropped.push('top_k')
  return {
    inferenceConfig: pick(inferenceConfig, Object.keys(inferenceConfig)),
    fields: topK === undefined ? {} : topKFields(traits.topK, topK),
  }
}

function topKFields(place: ModelTraits['topK'], topK: Json): JsonObject {
  if (place === undefined) return {}
  return place === 'inferenceConfig.topK' ? { inferenceConfig: { topK } } : { [place]: topK }
}

/** The smallest limit that anyone set, but always room for an answer beside the thinking. */
function maxTokens(chat: ChatRequest, options: ModelOptions, budget: number): number | undefined {
  const limit = smallestLimit(chat, options)
  if (limit === undefined) return budget === 0 ? undefined : budget + DEFAULT_MAX_TOKENS
  return limit <= budget ? budget + limit : limit
}

/** Whether the model can be held to a schema is for the API to say. JSON without a schema cannot be asked for. */
function outputConfig(format: unknown, dropped: string[]): JsonObject {
  if (!isObject(format) || format.type === 'text') return {}
  const definition = isObject(format.json_schema) ? format.json_schema : {}
  if (format.type !== 'json_schema' || !isObject(definition.schema)) {
    dropped.push('response_format')
    return {}
  }
  const jsonSchema = {
    ...pick(definition, ['name', 'description']),
    schema: JSON.stringify(definition.schema),
  }
  return { outputConfig: { textFormat: { type: 'json_schema', structure: { jsonSchema } } } }
}

const SERVICE_TIERS: Readonly<Record<string, JsonObject>> = {
  auto: {},
  default: { serviceTier: { type: 'default' } },
  flex: { serviceTier: { type: 'flex' } },
  priority: { serviceTier: { type: 'priority' } },
}

function serviceTier(tier: unknown, dropped: string[]): JsonObject {
  const fields = lookup(SERVICE_TIERS, tier)
  if (!fields && !isEmpty(tier)) dropped.push('service_tier')
  return fields ?? {}
}
