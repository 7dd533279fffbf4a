import type { Usage } from '../../chat.js'
import { isObject, type JsonObject } from '../../json.js'

/**
 * Anthropic's usage in OpenAI's terms. Its `input_tokens` leave out what was written to or read from the prompt cache,
 * OpenAI's `prompt_tokens` do not. `undefined` unless both sides are numbers.
 *
 * Source: https://docs.claude.com/en/api/messages#response-usage
 */
export function convertUsage(usage: JsonObject): Usage | undefined {
  const { input_tokens: input, output_tokens: completion } = usage
  if (typeof input !== 'number' || typeof completion !== 'number') return undefined
  const written = usage.cache_creation_input_tokens
  const read = usage.cache_read_input_tokens
  const prompt = input + count(written) + count(read)
  const thinking = isObject(usage.output_tokens_details)
    ? usage.output_tokens_details.thinking_tokens
    : undefined
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    ...(typeof read === 'number' && {
      prompt_tokens_details: {
        cached_tokens: read,
        ...(count(written) > 0 && { cache_creation_tokens: count(written) }),
      },
    }),
    ...(typeof thinking === 'number' && { completion_tokens_details: { reasoning_tokens: thinking } }),
  }
}

/** Adds up what a stream says of its usage: every figure is cumulative, so a later one replaces an earlier one. */
export function mergeUsage(earlier: JsonObject, later: unknown): JsonObject {
  if (!isObject(later)) return earlier
  return {
    input_tokens: later.input_tokens ?? earlier.input_tokens,
    output_tokens: later.output_tokens ?? earlier.output_tokens,
    cache_creation_input_tokens: later.cache_creation_input_tokens ?? earlier.cache_creation_input_tokens,
    cache_read_input_tokens: later.cache_read_input_tokens ?? earlier.cache_read_input_tokens,
    output_tokens_details: later.output_tokens_details ?? earlier.output_tokens_details,
  }
}

function count(value: unknown): number {
  return typeof value === 'number' ? value : 0
}
