import { isObject, type Json, type JsonObject } from '../../json.js'

/**
 * `logprobsResult` as the items of OpenAI's `logprobs.content`.
 *
 * Source: https://ai.google.dev/api/generate-content#LogprobsResult
 */
export function convertLogprobs(result: JsonObject): Json[] {
  const { chosenCandidates: chosen, topCandidates: top } = result
  if (!Array.isArray(chosen)) return []
  return chosen.filter(isObject).map((candidate, i) => {
    const alternatives = Array.isArray(top) ? top[i] : undefined
    const candidates = isObject(alternatives) ? alternatives.candidates : undefined
    const top_logprobs = Array.isArray(candidates)
      ? candidates.filter(isObject).map((top) => tokenLogprob(top))
      : []
    return tokenLogprob(candidate, { top_logprobs })
  })
}

function tokenLogprob(candidate: JsonObject, more: JsonObject = {}): JsonObject {
  const token = typeof candidate.token === 'string' ? candidate.token : ''
  return { token, logprob: candidate.logProbability ?? null, bytes: [...Buffer.from(token)], ...more }
}
