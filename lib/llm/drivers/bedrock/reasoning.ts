import type { ChatRequest } from '../../chat.js'
import type { JsonObject } from '../../json.js'
import { modelTraits as claudeTraits } from '../anthropic/model.js'
import { prepareThinking } from '../anthropic/thinking.js'
import { isEmpty } from '../dropped.js'
import { lookup } from '../lookup.js'
import type { ModelTraits } from './model.js'

export interface PreparedReasoning {
  /** For `additionalModelRequestFields`. */
  fields: JsonObject
  isThinking: boolean
  /** Tokens to keep free for thinking: `maxTokens` has to be above it. */
  budget: number
}

const EFFORTS: Readonly<Record<string, 'low' | 'medium' | 'high'>> = {
  minimal: 'low',
  low: 'low',
  medium: 'medium',
  high: 'high',
  xhigh: 'high',
}

/**
 * The client's `reasoning_effort` (or Anthropic's own `thinking`) in the words of the model's vendor: the API has none
 * of its own. Claude's are those of Anthropic's API.
 *
 * Source: https://docs.aws.amazon.com/bedrock/latest/userguide/inference-reasoning.html
 */
export function prepareReasoning(
  chat: ChatRequest,
  model: string,
  traits: ModelTraits,
  forcedTool: boolean,
  dropped: string[],
): PreparedReasoning {
  if (traits.reasoning === 'thinking') {
    const { adaptiveOnly } = claudeTraits(model)
    const { thinking, effort, budget } = prepareThinking(chat, adaptiveOnly, forcedTool, dropped)
    const fields = {
      ...(thinking && { thinking }),
      ...(effort !== undefined && { output_config: { effort } }),
    }
    return { fields, isThinking: thinking !== undefined && thinking.type !== 'disabled', budget }
  }
  if (!isEmpty(chat.thinking)) dropped.push('thinking')
  return { fields: effortFields(chat.reasoning_effort, traits, dropped), isThinking: false, budget: 0 }
}

function effortFields(requested: unknown, traits: ModelTraits, dropped: string[]): JsonObject {
  const effort = lookup(EFFORTS, requested)
  if (effort && traits.reasoning === 'reasoning_effort') return { reasoning_effort: effort }
  if (effort && traits.reasoning === 'reasoningConfig') {
    return { reasoningConfig: { type: 'enabled', maxReasoningEffort: effort } }
  }
  if (!isEmpty(requested) && requested !== 'none') dropped.push('reasoning_effort')
  return {}
}
