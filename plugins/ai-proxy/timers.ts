import { ChatError } from '../../lib/llm/errors.js'
import type { FilterKong, Kong } from '../../lib/pdk/kong.js'
import type { Failed } from './failover.js'
import { DEFAULT_TIMEOUTS } from './resilience-schema.js'
import type { AiProxyConfig } from './schema.js'

/** A limit that has passed. */
export type Expired = 'first_token' | 'total'

const MESSAGES: Readonly<Record<Expired, string>> = {
  first_token: 'the provider sent no token in time',
  total: 'the answer took longer than it may',
}

export function timedOut(limit: Expired): Failed {
  const message = MESSAGES[limit]
  const error = new ChatError(504, message, { type: 'upstream_error', code: 'upstream_timeout' })
  return { failure: { kind: 'timeout', message }, error }
}

/**
 * What must happen to an answer though nothing arrives: limits that pass, the end of the first-frame hold, heartbeats. Keeps
 * the times (of `performance.now()`) only; who asks has the timer.
 */
export class Timers {
  readonly totalEnds: number
  private firstTokenEnds = Infinity
  private holdEnds = Infinity
  private nextBeat = Infinity
  private beats = false
  private readonly firstToken: number
  private readonly holdMs: number
  private readonly heartbeatMs: number

  constructor({ timeouts = DEFAULT_TIMEOUTS, hold_ms, heartbeat_ms }: AiProxyConfig, started: number) {
    this.totalEnds = timeouts.total > 0 ? started + timeouts.total : Infinity
    this.firstToken = timeouts.first_token || Infinity
    this.holdMs = hold_ms
    this.heartbeatMs = heartbeat_ms || Infinity
  }

  /**
   * A request for a stream goes out.
   *
   * @param beats its format has comments, so that there can be heartbeats
   */
  streamAsked(now: number, beats: boolean): void {
    this.firstTokenEnds = now + this.firstToken
    this.beats = beats && this.heartbeatMs < Infinity
    this.nextBeat = this.beats ? now + this.heartbeatMs : Infinity
    this.holdEnds = Infinity
  }

  /** The headers of a stream have come. */
  hold(now: number): void {
    this.holdEnds = now + this.holdMs
  }

  /** The first content has come. */
  began(): void {
    this.firstTokenEnds = Infinity
    this.holdEnds = Infinity
  }

  /** Something goes to the client of a stream. */
  output(): void {
    if (this.beats) this.nextBeat = performance.now() + this.heartbeatMs
  }

  expired(now: number): Expired | undefined {
    if (now >= this.totalEnds) return 'total'
    return now >= this.firstTokenEnds ? 'first_token' : undefined
  }

  isHoldOver(now: number): boolean {
    if (now < this.holdEnds) return false
    this.holdEnds = Infinity
    return true
  }

  /** The provider's body is collected, unseen: only the time of all is known. */
  collects(): void {
    this.began()
    this.noBeats()
  }

  /** Nothing may go out before the answer is whole. */
  noBeats(): void {
    this.beats = false
    this.nextBeat = Infinity
  }

  isBeatDue(now: number): boolean {
    return now >= this.nextBeat
  }

  /** Milliseconds until the next heartbeat. */
  beatIn(now: number): number | undefined {
    return inTime(this.nextBeat, now)
  }

  /** Milliseconds until something must happen; `undefined` if nothing will. */
  next(now: number): number | undefined {
    return inTime(this.nextAt, now)
  }

  /** When something must happen; `Infinity` if nothing will. */
  get nextAt(): number {
    return Math.min(this.totalEnds, this.firstTokenEnds, this.holdEnds, this.nextBeat)
  }
}

/** A timer of Node's may be early by one. */
function inTime(at: number, now: number): number | undefined {
  return at === Infinity ? undefined : Math.max(0, Math.ceil(at - now)) + 1
}

/** Runs the body filter again when the next of the timers is due. */
export function flushInTime(kong: Kong | FilterKong, timers: Timers): void {
  if (timers.nextAt === Infinity) return
  void kong.response.flushAfter(timers.next(performance.now())!)
}
