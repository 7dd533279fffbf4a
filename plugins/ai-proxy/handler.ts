import type { Answer } from '../../lib/llm/answer.js'
import { createAnswer } from '../../lib/llm/answers/index.js'
import { ownAnswer } from '../../lib/llm/answers/own.js'
import { ChatError } from '../../lib/llm/errors.js'
import { errorEvent } from '../../lib/llm/formats/event-sink.js'
import type { AttemptFailure, ProcessSettings } from '../../lib/pdk/exchange.js'
import type { FilterKong, Kong } from '../../lib/pdk/kong.js'
import type { BodyArg, DirectTarget, Plugin } from '../../lib/pdk/plugin.js'
import { requireFilters } from '../../lib/pdk/require-filters.js'
import { triedHeaders } from './attempts.js'
import { allowsDirect, sendDirectly } from './direct.js'
import { canGoOn } from './continuation.js'
import { Dispatcher } from './dispatcher.js'
import { ErrorAnswer } from './error-answer.js'
import { brokenOff, exitWith, refused, unanswered } from './exits.js'
import type { Failed } from './failover.js'
import { clearProviderHeaders, clearStreamHeaders } from './headers.js'
import { shareOf, streams } from './limits.js'
import { logExchange, requestIdOf } from './log.js'
import { type AiExchange, Run } from './run.js'
import type { AiProxyConfig } from './schema.js'
import { Targets } from './targets.js'
import { flushInTime, timedOut } from './timers.js'

const NOTHING = Buffer.alloc(0)
/** An SSE comment. */
const HEARTBEAT = Buffer.from(': heartbeat\n\n')

/**
 * `ai-proxy`: one OpenAI-format route in front of any provider. `access` sets the upstream request, the filters turn
 * the provider's frames into OpenAI's as they come.
 */
export class AiProxy implements Plugin {
  readonly #config: AiProxyConfig
  readonly #targets: Targets
  readonly #dispatcher: Dispatcher
  readonly directAccess: Plugin['directAccess']

  constructor(config: AiProxyConfig) {
    this.#config = config
    this.#targets = new Targets(config)
    this.#dispatcher = new Dispatcher(config)
    this.directAccess = allowsDirect(config)
      ? (kong, settings) => this.#directAccess(kong, settings)
      : undefined
  }

  async access(kong: Kong): Promise<void> {
    const filtered = requireFilters(kong)
    if (filtered !== true && !(await filtered)) return
    for (const name of this.#targets.credentialNames) void kong.log.hide(name)
    const run = new Run(this.#config, this.#targets)
    const { algorithm, hash_on_header } = this.#targets.balancer
    if (algorithm === 'consistent-hashing') run.attempts.hashed = await kong.request.getHeader(hash_on_header)
    kong.ctx.plugin.run = run
    const made = await this.#dispatcher.attempt(kong, run)
    if (made instanceof ChatError) {
      exitWith(kong, made)
    } else if (made && (!made.call.stream || (await this.#admit(kong, made)))) {
      void kong.service.setRequest(made.request)
      const next = (failure: AttemptFailure) => this.#dispatcher.next(kong, run, failure)
      void kong.service.setAttempts(next, { afterCommit: run.takesUp })
    }
    run.closeIfClosed()
  }

  /** A stream wants a place. @returns false if there are too many, which the client has been told */
  async #admit(kong: Kong, { run }: AiExchange): Promise<boolean> {
    const release = streams.take(
      (await kong.plugin.getId()) ?? '',
      shareOf(this.#config.limits, kong.configuration.workers),
    )
    if (release) {
      run.holds(release)
      return true
    }
    run.isOver = true
    run.attempts.abandoned()
    const message = 'too many streams at a time'
    exitWith(kong, new ChatError(429, message, { code: 'too_many_streams', retryAfter: '1' }))
    return false
  }

  async #directAccess(kong: Kong, settings: ProcessSettings): Promise<DirectTarget | undefined> {
    const [target] = this.#targets.all
    try {
      return await sendDirectly(kong, this.#config, await this.#dispatcher.prepare(kong, target!, settings))
    } catch (error) {
      if (!(error instanceof ChatError)) throw error
      exitWith(kong, error)
      return undefined
    }
  }

  headerFilter(kong: FilterKong): void {
    const exchange = exchangeOf(kong)
    if (!exchange || exchange.run.isOver || kong.response.getSource() !== 'service') return
    const status = kong.service.response.getStatus()
    if (status === undefined || exchange.run.isBetween) {
      // A heartbeat goes out before a provider has answered.
      this.#setHeaders(kong, exchange)
      return
    }
    const { call } = exchange
    clearProviderHeaders(kong, call.format === undefined)
    if (exchange.mocked) kong.response.setHeader('X-Kong-AI-Mock', '1')
    exchange.answer = this.#answer(kong, exchange, status)
    if (exchange.answer instanceof ErrorAnswer) return
    if (status < 300) this.#setHeaders(kong, exchange)
    if (call.stream && call.format) this.#hold(kong, exchange, exchange.answer)
  }

  #setHeaders(kong: FilterKong, exchange: AiExchange): void {
    const { attempts } = exchange.run
    const tried = attempts.tried.length > 1 ? triedHeaders(this.#config, attempts) : undefined
    kong.response.setPreparedHeaders(exchange.target.answerHeaders.of(this.#config, exchange, tried))
  }

  /** The way of what the provider answers, whose headers have come. */
  #answer(kong: FilterKong, exchange: AiExchange, status: number): Answer {
    const { provider, call, run, begun } = exchange
    const { own, format, stream, model, includeUsage, wholeBody: prompt } = call
    exchange.requestId = requestIdOf(kong)
    run.attempts.answered(status)
    if (format && (status < 200 || status > 299)) {
      return new ErrorAnswer(provider.driver, status, kong.service.response.getHeader('retry-after'))
    }
    const contentType = kong.service.response.getHeader('content-type') ?? ''
    if (own && status < 300) {
      const driver = own.api.reader(own.operation.name)
      return ownAnswer({ driver, stream, contentType, model, prompt })
    }
    return createAnswer({
      driver: provider.driver,
      route: format ? this.#config.route_type : 'preserve',
      native: provider.native,
      stream,
      contentType,
      model,
      includeUsage,
      prompt,
      resumable: run.takesUp,
      begun,
    })
  }

  #hold(kong: FilterKong, { run: { timers } }: AiExchange, answer: Answer): void {
    if (this.#config.hold_ms === 0) {
      answer.release()
      return
    }
    timers.hold(performance.now())
    flushInTime(kong, timers)
  }

  /** A hot path: runs once per read from the provider, and when a timer says so. */
  bodyFilter(kong: FilterKong, arg: BodyArg): void {
    const exchange = exchangeOf(kong)
    if (!exchange || exchange.run.isOver) return
    const { run } = exchange
    const isFlush = arg.chunk.length === 0 && !arg.eof
    if (run.isBetween) {
      if (isFlush) this.#beat(kong, run, arg)
      return
    }
    if (exchange.answer === undefined) this.#answerLate(kong, exchange)
    if (arg.error && run.isLast) this.#conclude(exchange, arg, { failure: arg.error, error: run.error! })
    else if (exchange.answer) this.#pass(kong, exchange, exchange.answer, arg, isFlush)
    else if (isFlush) this.#wait(kong, exchange, arg)
    else if (arg.error) this.#fail(kong, exchange, arg, cutOff(arg.error, kong))
  }

  /** Behind heartbeats that went out before the provider answered: no header filter runs any more. */
  #answerLate(kong: FilterKong, exchange: AiExchange): void {
    const status = exchange.run.isCommitted ? kong.service.response.getStatus() : undefined
    if (status === undefined) return
    exchange.answer = this.#answer(kong, exchange, status)
    exchange.answer.release()
  }

  /** The provider has not answered yet, or its answer is collected. */
  #wait(kong: FilterKong, exchange: AiExchange, arg: BodyArg): void {
    const { run } = exchange
    if (kong.service.response.getStatus() !== undefined) run.timers.collects()
    const limit = run.timers.expired(performance.now())
    if (limit) this.#fail(kong, exchange, arg, timedOut(limit))
    else this.#beat(kong, run, arg)
  }

  /** Breaks the silence, if it is time to. */
  #beat(kong: FilterKong, run: Run, arg: BodyArg): void {
    const { timers } = run
    if (kong.response.isBuffered()) timers.noBeats()
    if (timers.isBeatDue(performance.now())) {
      arg.chunk = HEARTBEAT
      run.outputGoes()
    }
    const ms = run.isBetween ? timers.beatIn(performance.now()) : timers.next(performance.now())
    if (ms !== undefined) kong.response.flushAfter(ms)
  }

  #pass(kong: FilterKong, exchange: AiExchange, answer: Answer, arg: BodyArg, isFlush: boolean): void {
    const { run, call } = exchange
    const now = isFlush ? performance.now() : 0
    const limit = isFlush ? run.timers.expired(now) : undefined
    const beat = isFlush && run.timers.isBeatDue(now)
    const cause = limit ? timedOut(limit) : arg.error && brokenOff(arg.error)
    if (arg.chunk.length > 0) answer.push(arg.chunk)
    if (cause) answer.fail(cause.error)
    else if (arg.eof) answer.end()
    else if (beat || (isFlush && run.timers.isHoldOver(now))) answer.release()
    const output = answer.read()
    const { state, error } = answer
    const over = state === 'done' || state === 'failed'
    if (answer.counting && exchange.ended === undefined) flushOnce(answer.counting, kong)
    if (over || answer.counting) exchange.ended ??= performance.now()
    if (answer.began) run.contentCame()
    const failed = exchange.failed ?? (error && (error === cause?.error ? cause : refused(error)))
    if (failed && output === undefined) {
      this.#fail(kong, exchange, arg, failed)
      return
    }
    if (output !== undefined) {
      exchange.firstOutput ??= performance.now()
      exchange.payload?.answer.push(output)
    }
    arg.chunk = output ?? (beat && !over ? HEARTBEAT : NOTHING)
    arg.eof = over
    arg.abort = failed !== undefined
    // Of a format that we do not know, only a broken connection can say that it is not whole.
    if (call.format) arg.error = undefined
    if (arg.chunk.length > 0) run.outputGoes()
    if (failed && run.takesUp && call.stream) {
      // What it has said goes out before anything else is done about it.
      exchange.failed = failed
      arg.eof = false
      kong.response.flushAfter(0)
    } else if (over) run.ends(answer.facts.usage?.completion_tokens, failed)
    else if (isFlush) flushInTime(kong, run.timers)
  }

  /** The attempt has failed, and nothing of it is left to go out. */
  #fail(kong: FilterKong, exchange: AiExchange, arg: BodyArg, failed: Failed): void {
    const { run } = exchange
    run.fails(failed)
    if (!run.isCommitted || (run.takesUp && canGoOn(exchange))) run.step = run.stepAfter(failed)
    if (run.step) {
      kong.service.failAttempt(failed.failure)
    } else if (run.isCommitted) {
      this.#conclude(exchange, arg, failed)
    } else {
      run.isOver = true
      clearStreamHeaders(kong)
      exitWith(kong, failed.error, triedHeaders(this.#config, run.attempts))
      run.ends(undefined, failed)
    }
  }

  /** The client has the beginning of an answer, and learns that there is no more of it. */
  #conclude({ run, call }: AiExchange, arg: BodyArg, failed: Failed): void {
    arg.abort = true
    if (call.format) {
      arg.chunk = Buffer.from(errorEvent(run.error!))
      arg.eof = true
      arg.error = undefined
    } else {
      arg.chunk = NOTHING
      arg.error = failed.failure
    }
    run.ends(undefined, failed)
  }

  async log(kong: Kong): Promise<void> {
    ;(kong.ctx.plugin.run as Run | undefined)?.close()
    const exchange = exchangeOf(kong)
    if (!exchange) return
    if (this.#config.logging.log_statistics) await logExchange(kong, exchange)
    if (exchange.outlined) await exchange.over(exchange.outlined)
  }
}

/** The answer's rest goes out with its usage, if its client is still there. */
function flushOnce(counting: Promise<void>, kong: FilterKong): void {
  counting.then(() => kong.response.flushAfter(0)).catch(() => {})
}

/** A connection that broke before there was an answer to filter, or while it was collected. */
function cutOff(failure: AttemptFailure, kong: FilterKong): Failed {
  const hadBegun = failure.status === undefined && kong.service.response.getStatus() !== undefined
  return hadBegun ? brokenOff(failure) : { failure, error: unanswered(failure) }
}

function exchangeOf(kong: Kong | FilterKong): AiExchange | undefined {
  return kong.ctx.plugin.exchange as AiExchange | undefined
}
