import { ChatError } from '../../lib/llm/errors.js'
import type { AttemptFailure } from '../../lib/pdk/exchange.js'
import type { FilterKong, Kong } from '../../lib/pdk/kong.js'
import type { Failed } from './failover.js'

/** The error as the client's answer; both facades note an exit in the call. */
export function exitWith(
  kong: Kong | FilterKong,
  error: ChatError,
  headers: Readonly<Record<string, string>> = {},
): void {
  void kong.response.exit(error.status, JSON.stringify(error.toBody()), {
    ...headers,
    'content-type': 'application/json; charset=utf-8',
    ...(error.retryAfter !== undefined && { 'retry-after': error.retryAfter }),
  })
}

const OF_FAILURE: Readonly<Record<AttemptFailure['kind'], readonly [status: number, message: string]>> = {
  resolve: [503, "the provider's host name could not be resolved"],
  connect: [502, 'the provider could not be reached'],
  tls: [502, 'no secure connection to the provider could be made'],
  closed: [502, 'the provider closed the connection without an answer'],
  timeout: [504, 'the provider did not answer in time'],
  rejected: [500, 'LLM request failed before proxying'],
}

/** What the client is told when no attempt gave an answer. */
export function unanswered({ kind, status, message }: AttemptFailure): ChatError {
  const details = { type: 'upstream_error', code: `upstream_${kind}` }
  if (status !== undefined) return new ChatError(status, message, details)
  return new ChatError(...OF_FAILURE[kind], details)
}

/** An answer that had begun, and broke off or fell silent. */
export function brokenOff(failure: AttemptFailure): Failed {
  const error =
    failure.kind === 'timeout'
      ? new ChatError(504, "the provider's answer did not go on in time", {
          type: 'upstream_error',
          code: 'upstream_timeout',
        })
      : ChatError.badUpstream("the provider's answer was cut off", 'answer_cut_off')
  return { failure, error }
}

/** An answer that was an error. */
export function refused(error: ChatError): Failed {
  return { failure: { kind: 'rejected', status: error.status, message: error.message }, error }
}
