import { ChatError } from '../../errors.js'
import { isObject } from '../../json.js'
import type { Sink } from '../../sink.js'
import { GenerateContentAnswer } from './answer.js'

/** Tells a whole answer of generateContent to the sink. */
export function translateResponse(body: unknown, sink: Sink): void {
  const answer = new GenerateContentAnswer(sink)
  const hasCandidates = isObject(body) && Array.isArray(body.candidates) && body.candidates.length > 0
  const isRefused = isObject(body) && (isObject(body.promptFeedback) || isObject(body.error))
  if (!isObject(body) || !(hasCandidates || isRefused)) {
    sink.error(
      ChatError.untranslatable(
        'gemini://llm/v1/chat',
        'no generation candidates received from Gemini, or max_tokens too short',
      ),
    )
    return
  }
  answer.add(body)
  // The default of an enumeration is left out of JSON.
  answer.end('stop')
}
