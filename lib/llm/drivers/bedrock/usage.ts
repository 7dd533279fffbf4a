import type { Usage } from '../../chat.js'
import { isObject } from '../../json.js'

/**
 * Converse's `usage` in OpenAI's terms. Its `inputTokens` leave out what was written to or read from the prompt cache,
 * OpenAI's `prompt_tokens` do not. `undefined` unless both sides are numbers.
 *
 * Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html
 */
export function convertUsage(usage: unknown): Usage | undefined {
  if (!isObject(usage)) return undefined
  const { inputTokens: input, outputTokens: completion, totalTokens: total } = usage
  if (typeof input !== 'number' || typeof completion !== 'number') return undefined
  const { cacheReadInputTokens: read, cacheWriteInputTokens: written } = usage
  const prompt = input + count(read) + count(written)
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: typeof total === 'number' ? total : prompt + completion,
    ...(typeof read === 'number' && {
      prompt_tokens_details: {
        cached_tokens: read,
        ...(count(written) > 0 && { cache_creation_tokens: count(written) }),
      },
    }),
  }
}

function count(value: unknown): number {
  return typeof value === 'number' ? value : 0
}
