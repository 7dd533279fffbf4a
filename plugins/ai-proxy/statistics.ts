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
  return {
    meta: {
      plugin_id: observed.pluginId,
      provider_name: model.provider,
      request_model: observed.requestModel || 'UNSPECIFIED',
      response_model: facts?.model ?? observed.requestModel,
      request_mode: observed.stream ? 'stream' : 'oneshot',
      llm_latency: Math.floor(latency),
      ...azureMeta(model),
    },
    usage: {
      ...usage,
      ...(observed.timeToFirstToken !== undefined && {
        time_to_first_token: Math.floor(observed.timeToFirstToken),
      }),
      time_per_token: completion > 0 ? latency / completion : 0,
      cost: usage ? cost(usage, model.options ?? {}) : 0,
    },
  }
}

/** Prices are per million tokens; none is taken unless both are configured, as in Kong. */
function cost(usage: Usage, options: { input_cost?: number; output_cost?: number }): number {
  const { input_cost, output_cost } = options
  if (input_cost === undefined || output_cost === undefined) return 0
  return (usage.prompt_tokens * input_cost + usage.completion_tokens * output_cost) / 1_000_000
}

function azureMeta({ provider, options }: AiProxyModel): Record<string, string> {
  if (provider !== 'azure' || !options) return {}
  const { azure_instance, azure_deployment_id, azure_api_version } = options
  return {
    ...(azure_instance !== undefined && { azure_instance_id: azure_instance }),
    ...(azure_deployment_id !== undefined && { azure_deployment_id }),
    azure_api_version,
  }
}
