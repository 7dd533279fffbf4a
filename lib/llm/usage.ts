import type { Usage } from './chat.js'
import { isObject, type JsonObject } from './json.js'

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

/** Of two answers that make one. */
export function addUsage(one: Usage, other: Usage | undefined): Usage {
  if (other === undefined) return one
  const prompt = addDetails(one.prompt_tokens_details, other.prompt_tokens_details)
  const completion = addDetails(one.completion_tokens_details, other.completion_tokens_details)
  return {
    prompt_tokens: one.prompt_tokens + other.prompt_tokens,
    completion_tokens: one.completion_tokens + other.completion_tokens,
    total_tokens: one.total_tokens + other.total_tokens,
    ...(prompt && { prompt_tokens_details: prompt }),
    ...(completion && { completion_tokens_details: completion }),
  }
}

type Details = Usage['prompt_tokens_details']

function addDetails(one: Details, other: Details): Record<string, number> | undefined {
  if (one === undefined || other === undefined) return details(one ?? other)
  const sum = { ...details(one)! }
  for (const [name, value] of Object.entries(details(other)!)) sum[name] = (sum[name] ?? 0) + value
  return sum
}

function count(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined
}

/** The counts among the details: nearly always all of them. */
function details(value: unknown): Record<string, number> | undefined {
  if (!isObject(value)) return undefined
  return hasOnlyCounts(value) ? value : countsOf(value)
}

function hasOnlyCounts(value: JsonObject): value is Record<string, number> {
  for (const name in value) if (count(value[name]) === undefined) return false
  return true
}

function countsOf(value: JsonObject): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const name of Object.keys(value)) {
    const one = count(value[name])
    if (one !== undefined) counts[name] = one
  }
  return counts
}
