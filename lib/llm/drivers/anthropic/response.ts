import { ChatError } from '../../errors.js'
import { isObject } from '../../json.js'
import type { Sink } from '../../sink.js'
import { Blocks } from './blocks.js'
import { convertStreamError } from './error.js'
import { finishMessage, messageMeta } from './message.js'
import { convertUsage } from './usage.js'

/** Tells a whole answer of the Messages API to the sink. */
export function translateResponse(body: unknown, sink: Sink): void {
  if (isObject(body) && body.type === 'error') return sink.error(convertStreamError(body))
  if (!isObject(body) || !Array.isArray(body.content)) {
    return sink.error(
      ChatError.untranslatable(
        'anthropic://llm/v1/chat',
        "'content' not in anthropic://llm/v1/chat response",
      ),
    )
  }
  sink.start(messageMeta(body))
  const blocks = new Blocks(sink)
  body.content.forEach((block, index) => {
    if (isObject(block)) blocks.open(index, block)
    blocks.close(index)
  })
  finishMessage(body, blocks, sink)
  const usage = isObject(body.usage) ? convertUsage(body.usage) : undefined
  if (usage) sink.usage(usage)
  sink.done()
}
