import type { ChatError } from '../../lib/llm/errors.js'
import type { AttemptFailure } from '../../lib/pdk/exchange.js'
import type { FailoverCriterion } from './resilience-schema.js'

/** Why an attempt failed, and what the client would be told. */
export interface Failed {
  readonly failure: AttemptFailure
  readonly error: ChatError
}

/** Criteria of statuses that have none of their own in Kong's list. */
const ALIKE: Readonly<Record<number, string>> = { 529: 'http_503' }

/**
 * What Kong (and nginx's `proxy_next_upstream`) calls a failure: what the provider said by its status, or in an event of an answer
 * that had begun well, is `http_<status>`; an answer that is none of its API's is an `invalid_header`.
 */
export function criterionOf({ failure: { kind, status }, error }: Failed): string {
  if (kind === 'timeout') return 'timeout'
  if (kind !== 'rejected' || status === undefined) return 'error'
  return error.type === 'upstream_error' ? 'invalid_header' : (ALIKE[status] ?? `http_${status}`)
}

/** Failures before which the request has not gone out. */
const UNSENT: ReadonlySet<AttemptFailure['kind']> = new Set(['resolve', 'connect', 'tls'])

/**
 * Whether the criteria ask for another attempt.
 *
 * @param repeatable doing the request twice does no harm. Else one of which nobody knows whether the provider has done it is
 *   repeated under `non_idempotent` only; a provider that refused it by a status has not.
 */
export function asksForNext(
  criteria: readonly FailoverCriterion[],
  failed: Failed,
  repeatable: boolean,
): boolean {
  const { kind } = failed.failure
  const criterion = criterionOf(failed)
  if (!(criteria as readonly string[]).includes(criterion)) return false
  return (
    repeatable || UNSENT.has(kind) || criterion.startsWith('http_') || criteria.includes('non_idempotent')
  )
}

const BASE_MS = 100
/** A longer pause is none that a client should wait for: the next target, or the error. */
export const MAX_PAUSE_MS = 2000

/** The pause before the same target is tried again: doubles each time, with jitter from its half to the whole. */
export function backoff(place: number, random: () => number = Math.random): number {
  const whole = Math.min(BASE_MS * 2 ** place, MAX_PAUSE_MS)
  return whole / 2 + (whole / 2) * random()
}

/** Milliseconds of a `retry-after` (RFC 9110 §10.2.3: seconds or a date); 0 if it says nothing. */
export function retryAfterMs(value: string | undefined, now: number = Date.now()): number {
  if (value === undefined) return 0
  const text = value.trim()
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000
  // What `Date.parse` takes for a date beyond HTTP's is not meant as one.
  return text.endsWith('GMT') ? Math.max(0, Date.parse(text) - now) || 0 : 0
}
