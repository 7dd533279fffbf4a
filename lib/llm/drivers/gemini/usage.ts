import type { Usage } from '../../chat.js'
import { isObject } from '../../json.js'

/**
 * `usageMetadata` in OpenAI's terms; in a stream each is cumulative. Thoughts are beside the candidates' tokens here,
 * among the completion's there; the same with what tools of the provider's own added to the prompt. `undefined` where
 * nothing was counted yet.
 *
 * Source: https://ai.google.dev/api/generate-content#UsageMetadata
 */
export function convertUsage(metadata: unknown): Usage | undefined {
  if (!isObject(metadata) || typeof metadata.promptTokenCount !== 'number') return undefined
  const thoughts = metadata.thoughtsTokenCount
  const prompt = metadata.promptTokenCount + count(metadata.toolUsePromptTokenCount)
  const completion = count(metadata.candidatesTokenCount) + count(thoughts)
  const cached = metadata.cachedContentTokenCount
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens:
      typeof metadata.totalTokenCount === 'number' ? metadata.totalTokenCount : prompt + completion,
    ...(typeof cached === 'number' && { prompt_tokens_details: { cached_tokens: cached } }),
    ...(typeof thoughts === 'number' && { completion_tokens_details: { reasoning_tokens: thoughts } }),
  }
}

function count(value: unknown): number {
  return typeof value === 'number' ? value : 0
}
