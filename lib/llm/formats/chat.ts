import { ChatStreamSink } from './chat-stream.js'
import { ChatWholeSink } from './chat-whole.js'
import { decodeChat } from './chat-decode.js'
import { ChatReader } from './chat-read.js'
import { checkRoute } from './check-route.js'
import type { ClientFormat } from './format.js'

export { ChatReader, ChatStreamSink, ChatWholeSink, decodeChat }

/** OpenAI's chat completions: https://platform.openai.com/docs/api-reference/chat */
export const chat: ClientFormat = {
  check: (body) => checkRoute(body, 'llm/v1/chat'),
  decode: (body) => ({ chat: decodeChat(body), dropped: [] }),
  stream: (options) => new ChatStreamSink(options),
  whole: (options) => new ChatWholeSink(options),
  reader: (sink) => new ChatReader(sink),
}
