import { ChatError } from '../../errors.js'
import { isObject } from '../../json.js'
import type { Sink } from '../../sink.js'
import { Blocks } from './blocks.js'
import { finishAnswer } from './stream.js'

/** Tells a whole answer of Converse to the sink. */
export function translateResponse(body: unknown, sink: Sink): void {
  const output = isObject(body) ? body.output : undefined
  const message = isObject(output) ? output.message : undefined
  if (!isObject(body) || !isObject(message) || !Array.isArray(message.content)) {
    sink.error(
      ChatError.untranslatable(
        'bedrock://llm/v1/chat',
        'no generation candidates received from Bedrock, or max_tokens too short',
      ),
    )
    return
  }
  sink.start({})
  const blocks = new Blocks(sink)
  message.content.forEach((block, i) => {
    if (isObject(block)) blocks.whole(i, block)
  })
  finishAnswer(sink, body.stopReason, body)
}
