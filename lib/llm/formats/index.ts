import type { NativeRoute } from '../driver.js'
import { chat } from './chat.js'
import { completions } from './completions.js'
import type { ClientFormat } from './format.js'

export type { AnswerReader, ClientFormat, Decoded, StreamSink, WholeSink } from './format.js'

/** What clients speak on a route of each type. */
export const formats: Readonly<Record<NativeRoute, ClientFormat>> = {
  'llm/v1/chat': chat,
  'llm/v1/completions': completions,
}
