import type { NativeRoute } from '../driver.js'
import { ChatError } from '../errors.js'
import type { AnswerSink } from '../formats/answer-sink.js'
import { errorWithin } from '../formats/error-body.js'
import { formats } from '../formats/index.js'
import { isObject, type Json } from '../json.js'

/** Reads a whole answer that should be in the client's own format; with Kong's words where it is not. */
export function readNativeBody(
  json: Json | undefined,
  sink: AnswerSink,
  route: NativeRoute,
  provider: string,
): void {
  const from = `${provider}://${route}`
  if (json === undefined) {
    sink.error(ChatError.untranslatable(from, `failed to decode ${route} response`))
  } else if (isObject(json) && Array.isArray(json.choices)) {
    formats[route].reader(sink).body(json)
  } else {
    const said = isObject(json) ? errorWithin(json) : undefined
    sink.error(said ?? ChatError.untranslatable(from, `'choices' not in ${route} response`))
  }
}
