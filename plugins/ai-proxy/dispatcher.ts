import { ChatError } from '../../lib/llm/errors.js'
import type { AttemptFailure, ProcessSettings, UpstreamRequest } from '../../lib/pdk/exchange.js'
import type { Kong } from '../../lib/pdk/kong.js'
import { type Step, triedHeaders } from './attempts.js'
import { beginningOf } from './continuation.js'
import { exitWith, unanswered } from './exits.js'
import { payloadOf } from './log.js'
import { prepare, type Prepared } from './prepare.js'
import { AiExchange, type Run } from './run.js'
import type { AiProxyConfig } from './schema.js'
import type { Target } from './targets.js'
import { flushInTime } from './timers.js'

/** Makes the attempts at a request, each in the words of its target's provider. */
export class Dispatcher {
  /** Whether the log says already that the mock stands in. */
  #toldOfMock = false

  constructor(private readonly config: AiProxyConfig) {}

  /**
   * Makes an attempt. A target that cannot be asked (its provider cannot express the request, its credential is empty) gives way
   * to one that was not tried yet.
   *
   * @returns the first target's error where none is left; undefined if the client is gone
   */
  async attempt(kong: Kong, run: Run, target?: Target): Promise<AiExchange | ChatError | undefined> {
    const { attempts } = run
    let first: ChatError | undefined
    try {
      let next: Target | undefined = target ?? attempts.first()
      for (; next; next = attempts.untried()) {
        try {
          run.attemptBegins(next)
          const prepared = await prepare(kong, next.config, next.made, kong.configuration, run.rewrite)
          if (prepared.mocked) await this.#tellOfMock(kong, prepared)
          return this.#begin(kong, run, next, prepared)
        } catch (error) {
          if (!(error instanceof ChatError)) throw error
          attempts.notSent()
          first ??= withPath(error, next)
          // No target takes what is too large.
          if (error.status === 413) break
        }
      }
      return first
    } catch (error) {
      attempts.abandoned()
      if (error instanceof ChatError) return error
      if (!run.isClosed) throw error
      return undefined
    }
  }

  #begin(kong: Kong, run: Run, target: Target, prepared: Prepared): AiExchange | undefined {
    const { attempts, timers, begun } = run
    if (run.isClosed) {
      attempts.abandoned()
      return undefined
    }
    const { call, request } = prepared
    attempts.sent(call.model, request)
    run.isRepeatable = call.format !== undefined || request.method === 'GET'
    const payload = payloadOf(target.config, prepared, begun?.payload)
    const exchange = new AiExchange(prepared, run, target, payload)
    kong.ctx.plugin.exchange = exchange
    void kong.telemetry.setModelCall(exchange.watched)
    if (call.stream) timers.streamAsked(performance.now(), call.format !== undefined)
    flushInTime(kong, timers)
    return exchange
  }

  /**
   * A request of which only this is wanted.
   *
   * @throws ChatError with what is wrong with it
   */
  async prepare(kong: Kong, { config, made }: Target, settings: ProcessSettings): Promise<Prepared> {
    const prepared = await prepare(kong, config, made, settings)
    if (prepared.mocked) await this.#tellOfMock(kong, prepared)
    return prepared
  }

  async #tellOfMock(kong: Kong, { model }: Prepared): Promise<void> {
    if (this.#toldOfMock) return
    this.#toldOfMock = true
    await kong.log.warn(`${model.provider} has no credential: the mock provider answers`)
  }

  /** An attempt has failed: the request of the next. Without one, the client is told of the failure. */
  async next(kong: Kong, run: Run, failure: AttemptFailure): Promise<UpstreamRequest | null> {
    const step = run.step ?? this.#stepAfter(run, failure)
    run.step = undefined
    const exchange = step && (await run.between(() => this.#follow(kong, run, step)))
    if (exchange) {
      run.closeIfClosed()
      return exchange.request
    }
    run.isLast = true
    if (!run.isCommitted) {
      run.isOver = true
      exitWith(kong, run.error!, triedHeaders(this.config, run.attempts))
    }
    return null
  }

  /** No filter has seen the failure. */
  #stepAfter(run: Run, failure: AttemptFailure): Step | undefined {
    const failed = { failure, error: unanswered(failure) }
    run.fails(failed)
    return run.stepAfter(failed)
  }

  async #follow(kong: Kong, run: Run, { target, pause }: Step): Promise<AiExchange | undefined> {
    const silence = run.timers.beatIn(performance.now())
    if (silence !== undefined) await kong.response.flushAfter(silence)
    if (run.isCommitted) run.begun = await beginningOf(kong.ctx.plugin.exchange as AiExchange, run.begun)
    if (!(await run.pause(pause))) return undefined
    const made = await this.attempt(kong, run, target)
    return made instanceof ChatError ? undefined : made
  }
}

/** A fault of a target's config is at home in that target. */
function withPath(error: ChatError, { path }: Target): ChatError {
  const { status, type, param, code, retryAfter } = error
  if (path === 'config' || !param?.startsWith('config.')) return error
  const own = (text: string) => text.replace(/^config\b/, path)
  return new ChatError(status, own(error.message), {
    type,
    param: own(param),
    code,
    ...(retryAfter !== undefined && { retryAfter }),
  })
}
