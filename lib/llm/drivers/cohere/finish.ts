import type { FinishReason } from '../../chat.js'
import { ChatError } from '../../errors.js'
import { isText } from '../../formats/read.js'
import type { JsonObject } from '../../json.js'
import type { Sink } from '../../sink.js'
import { lookup } from '../lookup.js'

/** https://docs.cohere.com/reference/chat (`finish_reason`); the last three are of older models. */
const FINISH_REASONS: Readonly<Record<string, FinishReason>> = {
  COMPLETE: 'stop',
  STOP_SEQUENCE: 'stop',
  MAX_TOKENS: 'length',
  TOOL_CALL: 'tool_calls',
  ERROR_LIMIT: 'length',
  ERROR_TOXIC: 'content_filter',
  USER_CANCEL: 'stop',
}

/** Reasons that are none: the answer is not what it would have been. */
const FAILURES: Readonly<Record<string, number>> = { ERROR: 502, TIMEOUT: 504 }

/** Ends the choice as a whole answer or the end of a stream says. False if it failed, which the sink was told. */
export function finishAnswer({ finish_reason: reason, error }: JsonObject, sink: Sink): boolean {
  const status = isText(error) ? 502 : lookup(FAILURES, reason)
  if (status === undefined) {
    if (isText(reason)) sink.finish(0, lookup(FINISH_REASONS, reason) ?? 'stop')
    return true
  }
  const message = isText(error) ? error : 'cohere could not complete its answer'
  sink.error(new ChatError(status, message, { type: 'upstream_error', code: 'incomplete_answer' }))
  return false
}
