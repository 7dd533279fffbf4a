import type { AnswerFacts } from '../../lib/llm/answer.js'
import type { Usage } from '../../lib/llm/chat.js'
import type { AiProxyModel } from './schema.js'

/** What the log entry says of one answer, under `ai.proxy`. Times are milliseconds. */
export interface Statistics {
  meta: Record<string, string | number>
  usage: Record<string, unknown>
}

export interface Observed {
  model: AiProxyModel
  /** The resolved model name. */
  requestModel: string
  pluginId: string
  stream: boolean
  facts: AnswerFacts | undefined
  cost: number
  /** From the beginning of `access` to the end of the answer. */
  latency: number
  /** From the beginning of `access` to the first output for the client; `undefined` if there was none. */
  timeToFirstToken: number | undefined
}

/** Kong's keys: https://developer.konghq.com/ai-gateway/ai-audit-log-reference/ */
export function statistics(observed: Observed): Statistics {
  const { facts, model, latency } = observed
  const usage = facts?.usage
  const completion = usage?.completion_tokens ?? 0
  const statistics = {
    meta: {
      plugin_id: observed.pluginId,
      provider_name: model.provider,
      request_model: observed.requestModel || 'UNSPECIFIED',
      response_model: facts?.model ?? observed.requestModel,
      request_mode: observed.stream ? 'stream' : 'oneshot',
      llm_latency: Math.floor(latency),
    },
    // Field by field: V8 makes a slow object of one that is spread and then added to.
    usage: {
      prompt_tokens: usage?.prompt_tokens,
      completion_tokens: usage?.completion_tokens,
      total_tokens: usage?.total_tokens,
      prompt_tokens_details: usage?.prompt_tokens_details,
      completion_tokens_details: usage?.completion_tokens_details,
      estimated: facts?.estimated || undefined,
      time_to_first_token: observed.timeToFirstToken && Math.floor(observed.timeToFirstToken),
      time_per_token: completion > 0 ? latency / completion : 0,
      cost: observed.cost,
    },
  }
  if (model.provider === 'azure') Object.assign(statistics.meta, azureMeta(model))
  return statistics
}

type Prices = Pick<
  NonNullable<AiProxyModel['options']>,
  'input_cost' | 'output_cost' | 'cache_read_cost' | 'cache_write_cost'
>

/**
 * Prices are per million tokens; none is taken unless those of input and output are configured, as in Kong. Prompt
 * tokens that the provider read from its cache or wrote to it have the cache's prices where there are any.
 */
export function cost(usage: Usage, prices: Prices): number {
  const { input_cost: input, output_cost: output } = prices
  if (input === undefined || output === undefined) return 0
  const { cached_tokens: read = 0, cache_creation_tokens: write } = usage.prompt_tokens_details ?? {}
  const written = typeof write === 'number' ? write : 0
  const plain = Math.max(0, usage.prompt_tokens - read - written)
  return (
    (plain * input +
      read * (prices.cache_read_cost ?? input) +
      written * (prices.cache_write_cost ?? input) +
      usage.completion_tokens * output) /
    1_000_000
  )
}

function azureMeta({ options }: AiProxyModel): Record<string, string> {
  if (!options) return {}
  const { azure_instance, azure_deployment_id, azure_api_version } = options
  return {
    ...(azure_instance !== undefined && { azure_instance_id: azure_instance }),
    ...(azure_deployment_id !== undefined && { azure_deployment_id }),
    azure_api_version,
  }
}
