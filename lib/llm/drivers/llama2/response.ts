import { ChatError } from '../../errors.js'
import { errorWithin } from '../../formats/error-body.js'
import { isObject, type JsonObject } from '../../json.js'
import type { Sink } from '../../sink.js'
import { finishAnswer } from './details.js'

/**
 * Tells a whole answer to the sink: `{"generated_text"}`, alone, in a list (Hugging Face's inference API) or in `data`.
 * Some servers repeat the prompt before it.
 */
export function translateResponse(body: unknown, sink: Sink): void {
  const error = isObject(body) ? errorWithin(body) : undefined
  if (error) return sink.error(error)
  const answer = generated(body)
  if (typeof answer?.generated_text !== 'string') {
    const from = 'llama2://llm/v1/chat'
    return sink.error(ChatError.untranslatable(from, 'cannot parse response from llama2 endpoint'))
  }
  sink.start({})
  const text = withoutPrompt(answer.generated_text)
  if (text !== '') sink.text(0, text)
  finishAnswer(answer.details, sink)
}

function generated(body: unknown): JsonObject | undefined {
  const inner = isObject(body) && Array.isArray(body.data) ? body.data : body
  const first: unknown = Array.isArray(inner) ? inner[0] : inner
  return isObject(first) ? first : undefined
}

const PROMPT_END = '[/INST]'

export function withoutPrompt(text: string): string {
  const end = text.lastIndexOf(PROMPT_END)
  return (end === -1 ? text : text.slice(end + PROMPT_END.length)).trimStart()
}
