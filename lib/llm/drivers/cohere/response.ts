import { ChatError } from '../../errors.js'
import { errorWithin } from '../../formats/error-body.js'
import { isText } from '../../formats/read.js'
import { isObject } from '../../json.js'
import type { Sink } from '../../sink.js'
import { CohereMessage } from './answer.js'
import { finishAnswer } from './finish.js'
import { convertUsage } from './usage.js'

/** Tells a whole answer to the sink. */
export function translateResponse(body: unknown, sink: Sink): void {
  if (!isObject(body) || !isObject(body.message)) {
    const said = isObject(body) ? errorWithin(body) : undefined
    return sink.error(
      said ?? ChatError.untranslatable('cohere://llm/v1/chat', "'message' missing from cohere response body"),
    )
  }
  const { message } = body
  sink.start(isText(body.id) ? { id: body.id } : {})
  const answer = new CohereMessage(sink)
  answer.plan(message.tool_plan)
  if (Array.isArray(message.content)) message.content.forEach((block) => answer.content(block))
  if (Array.isArray(body.logprobs)) answer.logprobs(body.logprobs)
  if (Array.isArray(message.citations)) answer.cite(message.citations)
  if (Array.isArray(message.tool_calls)) {
    message.tool_calls.filter(isObject).forEach((call, index) => answer.callStart(index, call))
  }
  answer.endAll()
  if (!finishAnswer(body, sink)) return
  const usage = convertUsage(body.usage)
  if (usage) sink.usage(usage)
  sink.done()
}
