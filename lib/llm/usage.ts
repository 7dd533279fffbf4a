import type { Usage } from './chat.js'
import { isObject } from './json.js'

/**
 * Token counts as OpenAI's APIs write them: chat and completions (`prompt_tokens`), embeddings (no completion), responses
 * (`input_tokens`). Details and total stay as the provider sent them. `undefined` where nothing has been counted: all
 * zeros are the figures of a server that does not count.
 */
export function readUsage(value: unknown): Usage | undefined {
  if (!isObject(value)) return undefined
  const prompt = count(value.prompt_tokens) ?? count(value.input_tokens)
  const completion = count(value.completion_tokens) ?? count(value.output_tokens)
  if ((prompt ?? 0) + (completion ?? 0) === 0) return undefined
  const usage: Usage = {
    prompt_tokens: prompt ?? 0,
    completion_tokens: completion ?? 0,
    total_tokens: count(value.total_tokens) ?? (prompt ?? 0) + (completion ?? 0),
  }
  const promptDetails = details(value.prompt_tokens_details ?? value.input_tokens_details)
  const completionDetails = details(value.completion_tokens_details ?? value.output_tokens_details)
  if (promptDetails !== undefined) usage.prompt_tokens_details = promptDetails
  if (completionDetails !== undefined) usage.completion_tokens_details = completionDetails
  return usage
}

function count(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined
}

/** The counts among the details. */
function details(value: unknown): Record<string, number> | undefined {
  if (!isObject(value)) return undefined
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, number] => count(entry[1]) !== undefined),
  )
}
