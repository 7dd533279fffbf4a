import { isObject, type Json, type JsonObject } from '../json.js'

/** The `logprobs` of one `text_completion` choice. */
export interface CompletionLogprobs {
  tokens: string[]
  token_logprobs: Json[]
  top_logprobs: JsonObject[]
  /** Where each token begins in the choice's text. */
  text_offset: number[]
}

/** Chat's list of tokens as the parallel lists of completions; `offset` is where the first token begins. */
export function toCompletionLogprobs(content: Json[], offset: number): CompletionLogprobs {
  const lists: CompletionLogprobs = { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] }
  let at = offset
  for (const item of content) {
    if (!isObject(item) || typeof item.token !== 'string') continue
    lists.tokens.push(item.token)
    lists.token_logprobs.push(item.logprob ?? null)
    lists.top_logprobs.push(byToken(item.top_logprobs))
    lists.text_offset.push(at)
    at += item.token.length
  }
  return lists
}

function byToken(top: Json | undefined): JsonObject {
  const items = Array.isArray(top) ? top.filter(isObject) : []
  return Object.fromEntries(
    items.flatMap(({ token, logprob }) => (typeof token === 'string' ? [[token, logprob]] : [])),
  )
}

/** The other way round: completions' lists as chat's. */
export function toChatLogprobs(lists: JsonObject): Json[] {
  const { tokens, token_logprobs: logprobs, top_logprobs: tops } = lists
  if (!Array.isArray(tokens)) return []
  return tokens.map((token, at) => {
    const top = Array.isArray(tops) ? tops[at] : undefined
    return {
      token,
      logprob: Array.isArray(logprobs) ? (logprobs[at] ?? null) : null,
      bytes: null,
      top_logprobs: isObject(top)
        ? Object.entries(top).map(([name, logprob]) => ({ token: name, logprob, bytes: null }))
        : [],
    }
  })
}
