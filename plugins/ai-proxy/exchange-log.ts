import type { AnswerFacts } from '../../lib/llm/answer.js'
import { firstHeader, type HeaderRecord } from '../../lib/pdk/headers.js'
import type { Transfer } from '../../lib/pdk/model-call.js'

/** The headers in which providers give the id of a request, by which their support finds it. */
const REQUEST_IDS = ['x-request-id', 'request-id', 'apim-request-id', 'x-amzn-requestid', 'x-goog-request-id']

export interface ExchangeObserved {
  /** Of the provider's answer; `undefined` if there was none. */
  status: number | undefined
  headers: HeaderRecord
  dropped: readonly string[]
  facts: AnswerFacts | undefined
  transfer: Transfer
}

/** What the log entry says beyond Kong's keys, as `ai.proxy.exchange`. Nothing that is not known has a key. */
export function exchangeLog({ status, headers, dropped, facts, transfer }: ExchangeObserved) {
  const id = REQUEST_IDS.map((name) => firstHeader(headers, name)).find((value) => value !== undefined)
  const { bytesIn, bytesOut, attempts, abort } = transfer
  return {
    ...(status !== undefined && { status }),
    ...(id !== undefined && { provider_request_id: id }),
    ...(facts?.id !== undefined && { response_id: facts.id }),
    ...(dropped.length > 0 && { dropped_fields: dropped }),
    ...(abort !== undefined && { abort_reason: abort }),
    retries: Math.max(0, attempts - 1),
    frames_in: facts?.frames ?? 0,
    unknown_frames: facts?.unknownFrames ?? 0,
    ...(facts?.events !== undefined && { frames_out: facts.events }),
    bytes_in: bytesIn,
    bytes_out: bytesOut,
  }
}
