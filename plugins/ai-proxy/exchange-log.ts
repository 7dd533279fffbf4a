import type { AnswerFacts } from '../../lib/llm/answer.js'
import type { Transfer } from '../../lib/pdk/model-call.js'

export interface ExchangeObserved {
  /** Of the provider's answer; `undefined` if there was none. */
  status: number | undefined
  /** The provider's, by which its support finds the request. */
  requestId: string | undefined
  dropped: readonly string[]
  facts: AnswerFacts | undefined
  transfer: Transfer
}

/** What the log entry says beyond Kong's keys, as `ai.proxy.exchange`. What is not known is undefined, and in JSON has no key. */
export function exchangeLog({ status, requestId, dropped, facts, transfer }: ExchangeObserved) {
  const { bytesIn, bytesOut, attempts, abort } = transfer
  return {
    status,
    provider_request_id: requestId,
    response_id: facts?.id,
    dropped_fields: dropped.length > 0 ? dropped : undefined,
    abort_reason: abort,
    retries: Math.max(0, attempts - 1),
    frames_in: facts?.frames ?? 0,
    unknown_frames: facts?.unknownFrames ?? 0,
    frames_out: facts?.events,
    bytes_in: bytesIn,
    bytes_out: bytesOut,
  }
}
