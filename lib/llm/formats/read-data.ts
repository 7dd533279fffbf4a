import { ChatError } from '../errors.js'
import { isObject, parseJson, type JsonObject } from '../json.js'

/**
 * What the data of one SSE event holds, in the streams of OpenAI's formats: a chunk, the end, or something nobody knows.
 *
 * @throws ChatError 502 for a piece of JSON: the answer was cut there, and what it said is lost
 */
export function readData(data: string): JsonObject | 'done' | 'unknown' {
  const text = data.trim()
  if (text === '[DONE]') return 'done'
  const json = parseJson(text)
  if (isObject(json)) return json
  if (json === undefined && /^[[{]/.test(text)) {
    throw ChatError.badUpstream('the provider sent a chunk that is not whole', 'incomplete_answer')
  }
  return 'unknown'
}
