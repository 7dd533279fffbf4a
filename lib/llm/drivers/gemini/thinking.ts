import type { ChatRequest } from '../../chat.js'
import type { JsonObject } from '../../json.js'
import { isEmpty } from '../dropped.js'
import { lookup } from '../lookup.js'
import type { ModelTraits } from './model.js'

/** By `reasoning_effort`: tokens for Gemini 2.5, a level for Gemini 3; 0 and `MINIMAL` are as little as the model can. */
const EFFORTS: Readonly<Record<string, { budget: number; level: 'MINIMAL' | 'LOW' | 'MEDIUM' | 'HIGH' }>> = {
  none: { budget: 0, level: 'MINIMAL' },
  minimal: { budget: 512, level: 'MINIMAL' },
  low: { budget: 1024, level: 'LOW' },
  medium: { budget: 4096, level: 'MEDIUM' },
  high: { budget: 16384, level: 'HIGH' },
  xhigh: { budget: 24576, level: 'HIGH' },
}

/**
 * `thinkingConfig` for the client's `reasoning_effort`. The limit on the answer's tokens counts thoughts here as it
 * does with OpenAI, so it stays.
 *
 * Source: https://ai.google.dev/gemini-api/docs/thinking
 */
export function prepareThinking(
  chat: ChatRequest,
  traits: ModelTraits,
  dropped: string[],
): JsonObject | undefined {
  if (isEmpty(chat.reasoning_effort)) return undefined
  const effort = lookup(EFFORTS, chat.reasoning_effort)
  if (!effort || (traits.thinking === 'none' && effort.budget > 0)) dropped.push('reasoning_effort')
  if (!effort || traits.thinking === 'none') return undefined
  const includeThoughts = chat.reasoning_effort !== 'none'
  if (traits.thinking === 'level') {
    return { thinkingLevel: effort.level === 'MINIMAL' ? traits.leastLevel : effort.level, includeThoughts }
  }
  return { thinkingBudget: Math.max(effort.budget, traits.leastBudget), includeThoughts }
}
