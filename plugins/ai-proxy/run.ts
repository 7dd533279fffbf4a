import { setTimeout } from 'node:timers/promises'
import type { Answer } from '../../lib/llm/answer.js'
import type { ChatError } from '../../lib/llm/errors.js'
import type { JsonObject } from '../../lib/llm/json.js'
import { letGo } from '../../lib/pdk/held-bytes.js'
import { Attempts, type Step } from './attempts.js'
import { type Beginning, continued, takesUp } from './continuation.js'
import type { Failed } from './failover.js'
import { AiCall } from './model-call.js'
import type { Payload } from './log.js'
import type { Prepared } from './prepare.js'
import type { AiProxyConfig } from './schema.js'
import type { Target, Targets } from './targets.js'
import { Timers } from './timers.js'

/** One attempt at a request: made in `access`, owned by its answer. Times are those of `performance.now()`. */
export class AiExchange implements Prepared {
  readonly model: Prepared['model']
  readonly call: Prepared['call']
  readonly provider: Prepared['provider']
  readonly request: Prepared['request']
  readonly mocked: boolean
  readonly clientHeaders: Prepared['clientHeaders']
  readonly outlined: Prepared['outlined']
  /** When the request came. */
  readonly started: number
  /** What it goes on with. */
  readonly begun: Beginning | undefined
  /** Itself, for who watches. */
  readonly watched: AiCall
  answer: Answer | undefined
  /** The provider's, by which its support finds the request. */
  requestId: string | undefined
  /** When the first output went to the client. */
  firstOutput: number | undefined
  ended: number | undefined
  /** The answer's failure, whose output had to go out first. */
  failed: Failed | undefined

  /** @param payload kept for the log */
  constructor(
    prepared: Prepared,
    readonly run: Run,
    readonly target: Target,
    readonly payload: Payload | undefined,
  ) {
    this.model = prepared.model
    this.call = prepared.call
    this.provider = prepared.provider
    this.request = prepared.request
    this.mocked = prepared.mocked
    this.clientHeaders = prepared.clientHeaders
    this.outlined = prepared.outlined
    this.started = run.started
    this.begun = run.begun
    this.firstOutput = run.begun?.firstOutput
    this.watched = new AiCall(this, target.config.route_type)
  }

  /** Its usage is known then, for which the whole request may have had to be read: `outlined`, which is let go. */
  async over(outlined: Buffer): Promise<void> {
    await this.watched.settle()
    letGo(outlined)
  }
}

/** What the attempts at one request have in common. */
export class Run {
  readonly started = performance.now()
  readonly timers: Timers
  readonly attempts: Attempts
  /** Doing the request twice does no harm. */
  isRepeatable = false
  /** Something has gone to the client: there is no other attempt, unless the config takes streams up. */
  isCommitted = false
  /** The next attempt is being made. */
  isBetween = false
  /** The client has got an error of ours. */
  isOver = false
  /** What follows on the attempt that a filter has given up. */
  step: Step | undefined
  /** What the client is told where no attempt comes to its end: the last failure, or the one that broke its answer off. */
  error: ChatError | undefined
  /** There is no attempt left. */
  isLast = false
  /** What the client has of earlier attempts. */
  begun: Beginning | undefined
  private hasBegun = false
  /** The client is gone, or has its answer. */
  isClosed = false
  private release: (() => void) | undefined

  /** Streams that break off go on with another target. */
  readonly takesUp: boolean

  constructor(config: AiProxyConfig, targets: Targets) {
    this.takesUp = takesUp(config)
    this.timers = new Timers(config, this.started)
    this.attempts = new Attempts(targets, this.timers.totalEnds)
  }

  /** What an attempt asks of its target in place of what the client asked, if anything. */
  get rewrite(): ((body: JsonObject) => JsonObject) | undefined {
    const { begun } = this
    return begun && ((body) => continued(body, begun))
  }

  attemptBegins(target: Target): void {
    this.hasBegun = false
    // The first begins with the request.
    this.attempts.begin(target, this.attempts.tried.length === 0 ? this.started : performance.now())
  }

  /** The exchange is in the list of streams. */
  holds(release: () => void): void {
    this.release = release
  }

  /** The attempt under way has failed. */
  fails({ error }: Failed): void {
    if (!this.begun) this.error = error
  }

  /** What follows on the failure, if anything. */
  stepAfter(failed: Failed): Step | undefined {
    return this.attempts.after(failed, this.isRepeatable)
  }

  /** Makes the next attempt. */
  async between<T>(make: () => Promise<T>): Promise<T> {
    this.isBetween = true
    try {
      return await make()
    } finally {
      this.isBetween = false
    }
  }

  /** @returns whether the client is still there */
  async pause(ms: number): Promise<boolean> {
    if (ms > 0) await setTimeout(ms)
    return !this.isClosed
  }

  /** Content has come: the first counts. */
  contentCame(): void {
    if (this.hasBegun) return
    this.hasBegun = true
    this.timers.began()
    this.attempts.began()
  }

  outputGoes(): void {
    this.isCommitted = true
    this.timers.output()
  }

  /** The answer has come to its end. */
  ends(tokens: number | undefined, failed: Failed | undefined): void {
    if (failed) this.attempts.failed(failed, this.isRepeatable)
    else this.attempts.succeeded(tokens)
    this.release?.()
  }

  /** The exchange is over. */
  close(): void {
    this.isClosed = true
    this.attempts.abandoned()
    this.release?.()
  }

  /** For what was begun while the client went away. */
  closeIfClosed(): void {
    if (this.isClosed) this.close()
  }
}
