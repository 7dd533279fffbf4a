import { ChatError } from '../../errors.js'
import { errorWithin } from '../../formats/error-body.js'
import { isObject } from '../../json.js'
import type { Sink } from '../../sink.js'
import { OllamaAnswer } from './answer.js'

/** Tells a whole answer to the sink. `name` is the provider's, for the error where it is none. */
export function translateResponse(body: unknown, sink: Sink, name: string): void {
  const error = isObject(body) ? errorWithin(body) : undefined
  if (error) return sink.error(error)
  if (!isObject(body) || (!isObject(body.message) && typeof body.response !== 'string')) {
    return sink.error(ChatError.untranslatable(`${name}://llm/v1/chat`, "'message' not in ollama response"))
  }
  new OllamaAnswer(sink).line({ ...body, done: true })
}
