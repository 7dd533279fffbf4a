import type { Usage } from '../../chat.js'
import { isObject, type Json } from '../../json.js'

/**
 * Cohere's usage in OpenAI's terms: what it bills, else what went through the model, which has instructions of Cohere's
 * own in it. What was cached is a part of the latter, so it is only told beside it. `undefined` where nothing is counted.
 *
 * Source: https://docs.cohere.com/reference/chat (`usage`)
 */
export function convertUsage(usage: Json | undefined): Usage | undefined {
  if (!isObject(usage)) return undefined
  const billed = isObject(usage.billed_units) ? usage.billed_units : {}
  const passed = isObject(usage.tokens) ? usage.tokens : {}
  const prompt = count(billed.input_tokens) ?? count(passed.input_tokens)
  const completion = count(billed.output_tokens) ?? count(passed.output_tokens)
  if (prompt === undefined && completion === undefined) return undefined
  const cached = count(billed.input_tokens) === undefined ? count(usage.cached_tokens) : undefined
  return {
    prompt_tokens: prompt ?? 0,
    completion_tokens: completion ?? 0,
    total_tokens: (prompt ?? 0) + (completion ?? 0),
    ...(cached !== undefined && { prompt_tokens_details: { cached_tokens: cached } }),
  }
}

function count(value: Json | undefined): number | undefined {
  return typeof value === 'number' ? value : undefined
}
