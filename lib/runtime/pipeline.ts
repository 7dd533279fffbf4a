import type { ServerResponse } from 'node:http'
import type { AttemptFailure, NextAttempt, UpstreamRequest } from '../pdk/exchange.js'
import { copyHeaders, endToEndHeaders, type HeaderRecord } from '../pdk/headers.js'
import type { Logger } from '../pdk/method.js'
import type { BodyArg } from '../pdk/plugin.js'
import { AwaitedPhases } from './awaited-phases.js'
import type { PluginChain, PluginInstance } from './chain.js'
import { CollectedBody, tooLarge } from './collected-body.js'
import { Downstream, type DownstreamOwner } from './downstream.js'
import type { Exit, LiveExchange } from './exchange.js'
import { FlushTimer } from './flush-timer.js'
import { bytesOf, failureAnswer, kongAnswer, replaceAnswer, UNEXPECTED } from './kong-answers.js'
import type { PipelineHost } from './pipeline-host.js'
import { PluginScopes } from './plugin-scopes.js'
import type { UpstreamHandler, UpstreamLeg } from './upstream.js'

const NOTHING = Buffer.alloc(0)

/**
 * Runs one exchange through its phases:
 *
 *     rewrite -> route -> access -> attempt(s) -> headerFilter -> bodyFilter* -> log
 *                           \ exit ------------------^
 *
 * From the upstream's headers on nothing is awaited: what comes in one tick leaves in it.
 */
export class Pipeline implements UpstreamHandler, DownstreamOwner {
  readonly #x: LiveExchange
  readonly #host: PipelineHost
  readonly #log: Logger
  readonly #down: Downstream
  readonly #scopes: PluginScopes
  readonly #phases: AwaitedPhases
  #plugins: PluginChain
  #leg: UpstreamLeg | undefined
  readonly #arg: BodyArg = { chunk: NOTHING, eof: false, abort: false, error: undefined }
  /** Headers that plugins gave the answer before there was one. */
  #ownHeaders: HeaderRecord | undefined
  /** The collected body, for plugins with a `response` phase and for `enableBuffering`. */
  #collected: CollectedBody | undefined
  readonly #flush = new FlushTimer(this)
  #headersFiltered = false
  #attempts = 0
  /** The number of the attempt under way; 0 between two. */
  #attempting = 0
  #state: 'running' | 'ended' = 'running'

  constructor(x: LiveExchange, host: PipelineHost, out: ServerResponse) {
    this.#x = x
    this.#host = host
    this.#plugins = host.globals
    this.#log = host.pdk.logger
    this.#down = new Downstream(x, out, host.edge, this)
    this.#scopes = new PluginScopes(x, host.pdk)
    this.#phases = new AwaitedPhases(x, this.#scopes, this.#log, this.#down)
    x.flushTimer = this.#flush
    host.telemetry.begin(x)
  }

  /** Nothing is awaited, here and in all that follows, but where a plugin or a credential does. */
  run(): void {
    const request = () => this.#request()
    this.#host.telemetry.run(this.#x, request).catch((error: unknown) => this.#unexpected(error))
  }

  async #request(): Promise<void> {
    const x = this.#x
    if (this.#plugins.rewrite.length > 0) await this.#phases.run('rewrite', this.#plugins.rewrite)
    if (!x.pendingExit) {
      const routed = this.#host.route(x)
      if ('exit' in routed) {
        x.pendingExit = routed.exit
      } else {
        x.bind(routed.binding)
        this.#plugins = routed.plugins
        x.buffered ||= routed.plugins.response.length > 0
        x.phase = 'access'
        if (routed.plugins.access.length > 0) await this.#phases.run('access', routed.plugins.access)
      }
    }
    if (this.#down.closed) return
    if (x.pendingExit) {
      this.#answer(x.pendingExit, 'exit')
      return
    }
    const attempting = this.#attempt()
    if (attempting) await attempting
  }

  // ---- attempts

  /** @returns what is awaited, if anything is */
  #attempt(): Promise<void> | undefined {
    const x = this.#x
    const { upstream } = x
    this.#attempting = ++this.#attempts
    this.#ownHeaders ??= x.response.headers
    this.#flush.attemptBegins()
    this.#host.telemetry.attempt(x)
    return upstream.authorize ? this.#authorized(upstream, this.#attempting) : this.#sent(upstream)
  }

  async #authorized(upstream: UpstreamRequest, attempt: number): Promise<void> {
    try {
      const authorized = upstream.authorize!(upstream)
      if (authorized) await authorized
    } catch (error) {
      if (this.#isOver(attempt)) return
      this.#log.error({ err: error }, 'an upstream request could not be authorized')
      await this.#failed({ kind: 'rejected', message: 'the request could not be authorized' })
      return
    }
    if (!this.#isOver(attempt)) await this.#sent(upstream)
  }

  #sent(upstream: UpstreamRequest): Promise<void> | undefined {
    const x = this.#x
    if (upstream.host === '') {
      return this.#failed({ kind: 'rejected', message: 'no plugin has set a target' })
    }
    x.tries.push({ host: upstream.host, port: upstream.port })
    x.timings.sent ||= performance.now()
    this.#leg = this.#host.upstreams.send(
      upstream,
      upstream.body ?? x.request.body,
      this,
      this.#plugins.bodyFilter.length > 0,
    )
    return undefined
  }

  /** A filter may have given the attempt up while its request was being authorized. */
  #isOver(attempt: number): boolean {
    return this.#down.closed || this.#state === 'ended' || this.#attempting !== attempt
  }

  /** An attempt is over without an answer, or without the end of one. */
  async #failed(failure: AttemptFailure): Promise<void> {
    const x = this.#x
    this.#attempting = 0
    x.tryFailed(failure.kind)
    this.#host.telemetry.attemptFailed(x, failure)
    const next = await this.#next(failure)
    if (this.#down.closed || this.#state === 'ended') return
    if (next) {
      x.upstream = next
      x.serviceResponse = undefined
      await this.#attempt()
    } else if (x.response.committed) {
      this.#body(NOTHING, true, failure)
    } else if (x.pendingExit) {
      this.#answer(x.pendingExit, 'exit')
    } else {
      this.#log.warn(
        { upstream: `${x.upstream.host}:${x.upstream.port}`, failure },
        'no answer from upstream',
      )
      this.#answer(failureAnswer(failure, x.id), 'error')
    }
  }

  /** The request of the next attempt. Nothing stays of what a failed one would have told the client. */
  #next(failure: AttemptFailure): ReturnType<NextAttempt> {
    const x = this.#x
    const { response } = x
    if (!x.nextAttempt || (response.committed && !x.attemptsAfterCommit)) return null
    if (!response.committed) {
      response.status = 200
      response.headers = copyHeaders(this.#ownHeaders!)
      this.#headersFiltered = false
    }
    x.phase = 'access'
    return x.nextAttempt(failure)
  }

  #retry(failure: AttemptFailure): void {
    this.#failed(failure).catch((error: unknown) => this.#unexpected(error))
  }

  // ---- the upstream's answer

  onHeaders(status: number, headers: HeaderRecord): void {
    const x = this.#x
    x.serviceResponse = { status, headers }
    if (x.response.committed) return
    x.response.status = status
    // A filter may change the length. (A `delete` would make a slow record.)
    const isFiltered = !x.buffered && this.#plugins.bodyFilter.length > 0
    const kept = endToEndHeaders(headers, isFiltered ? 'content-length' : undefined)
    // What plugins have set already stays, over what the upstream says.
    x.response.headers = Object.assign(kept, this.#ownHeaders)
    x.response.source = 'service'
    if (x.buffered) this.#collected = new CollectedBody()
    else this.#headerFilters()
  }

  onData(bytes: Buffer): void {
    const arrived = performance.now()
    const before = this.#x.bytesOut
    if (!this.#collected) this.#body(bytes, false)
    else if (!this.#collected.push(bytes)) this.#tooLarge()
    if (this.#x.response.committed) this.#x.answerFlows()
    this.#host.telemetry.read(this.#x, arrived, bytes.length, this.#x.bytesOut > before)
  }

  onEnd(): void {
    if (!this.#collected) this.#body(NOTHING, true)
    else this.#respond(this.#collected.whole()).catch((error: unknown) => this.#unexpected(error))
  }

  #tooLarge(): void {
    this.#leg?.abort()
    this.onFailure(tooLarge())
  }

  onFailure(failure: AttemptFailure): void {
    this.#collected = undefined
    this.#x.tryFailed(failure.kind)
    if (!this.#x.serviceResponse) this.#retry(failure)
    else if (this.#plugins.bodyFilter.length > 0) this.#body(NOTHING, true, failure)
    else if (this.#x.response.committed) this.#breakOff()
    else this.#answer(failureAnswer(failure, this.#x.id), 'error')
  }

  /** The buffered way: the whole body is there, `response` runs, the filters follow. */
  async #respond(body: Buffer): Promise<void> {
    const x = this.#x
    this.#collected = undefined
    x.serviceResponse!.body = body
    await this.#phases.run('response', this.#plugins.response)
    if (this.#down.closed) return
    if (x.pendingExit) {
      this.#answer(x.pendingExit, 'exit')
      return
    }
    if (this.#headerFilters()) this.#body(body, true)
  }

  // ---- filters

  /** The body filters run though nothing has come. */
  flush(): void {
    const { phase } = this.#x
    if (phase === 'response') return
    this.#body(NOTHING, false)
    // Between two attempts, the next is being made.
    if (phase === 'access') this.#x.phase = phase
  }

  /** @returns whether the answer is still wanted: no filter has failed or decided otherwise */
  #headerFilters(): boolean {
    const x = this.#x
    x.phase = 'header_filter'
    this.#headersFiltered = true
    const { headers } = x.response
    // A look at it is much quicker than to delete what is not there.
    if (this.#plugins.bodyFilter.length > 0 && headers['content-length'] !== undefined)
      delete headers['content-length']
    for (const one of this.#plugins.headerFilter) {
      try {
        one.plugin.headerFilter!(this.#scopes.filterKong(one))
      } catch (error) {
        this.#filterFailed(one, error)
        return false
      }
      if (this.#decided()) return false
    }
    // Without a filter that might still change them, status and headers go out as they came.
    if (x.response.source === 'service' && this.#plugins.bodyFilter.length === 0) this.#down.commit()
    return true
  }

  /** Runs one piece of the body through the filters. A hot path: once per read from the upstream. */
  #body(chunk: Buffer, eof: boolean, error?: AttemptFailure): void {
    if (this.#state === 'ended' || this.#down.closed) return
    const x = this.#x
    const arg = this.#arg
    x.phase = 'body_filter'
    arg.chunk = chunk
    arg.eof = eof
    arg.abort = false
    arg.error = error
    for (const one of this.#plugins.bodyFilter) {
      try {
        one.plugin.bodyFilter!(this.#scopes.filterKong(one), arg)
      } catch (thrown) {
        this.#filterFailed(one, thrown)
        return
      }
      if (this.#decided()) return
    }
    if (arg.chunk.length > 0 && !this.#headersFiltered) {
      // A flush has something to say though the upstream has not answered: status and headers go out as they are.
      x.response.source = 'service'
      if (!this.#headerFilters()) return
    }
    if (arg.abort) this.#leg?.abort()
    const output = arg.chunk
    // The next piece may be long in coming.
    arg.chunk = NOTHING
    if (arg.error === undefined) this.#send(output, arg.eof)
    else this.#broken(output, arg.error)
  }

  #send(chunk: Buffer, eof: boolean): void {
    if (chunk.length > 0 || eof) this.#down.commit(eof ? chunk.length : undefined)
    if (eof) {
      this.#state = 'ended'
      this.#down.end(chunk)
      this.#leg?.release()
    } else if (chunk.length > 0 && !this.#down.write(chunk)) {
      this.#leg?.pause()
    }
  }

  /** A filter has exited or given the attempt up: the body in hand is of no use any more. */
  #decided(): boolean {
    const x = this.#x
    if (x.pendingExit) {
      const exit = x.pendingExit
      this.#leg?.abort()
      x.response.source = 'exit'
      if (this.#headersFiltered) this.#replace(exit)
      else this.#answer(exit, 'exit')
      return true
    }
    if (x.pendingFailure) {
      const failure = x.pendingFailure
      x.pendingFailure = undefined
      // Between two attempts there is none to give up.
      if (this.#attempting === 0) return false
      this.#leg?.abort()
      this.#retry(failure)
      return true
    }
    return false
  }

  #filterFailed(one: PluginInstance, error: unknown): void {
    const x = this.#x
    this.#log.error({ plugin: one.name, phase: x.phase, err: error }, 'a plugin failed')
    this.#leg?.abort()
    if (x.response.committed) this.#breakOff()
    else this.#replace(kongAnswer(500, UNEXPECTED, x.id))
  }

  /** Past the filters: the exit is one's last word. */
  #replace(exit: Exit): void {
    replaceAnswer(this.#x.response, exit)
    this.#send(bytesOf(exit.body), true)
  }

  /** The upstream broke off and no filter made an end of it: what there was of it still goes out. */
  #broken(rest: Buffer, failure: AttemptFailure): void {
    this.#leg?.abort()
    if (rest.length > 0) this.#send(rest, false)
    if (this.#x.response.committed) this.#breakOff()
    else this.#answer(failureAnswer(failure, this.#x.id), 'error')
  }

  /** The client has yet to take what there was: no filter adds to it. */
  #breakOff(): void {
    this.#state = 'ended'
    this.#down.breakOff()
  }

  // ---- answers of our own

  /** An answer instead of the upstream's, through the filters like any other. */
  #answer(exit: Exit, source: 'exit' | 'error'): void {
    const x = this.#x
    this.#flush.attemptEnds()
    x.pendingExit = undefined
    x.response.source = source
    replaceAnswer(x.response, exit)
    x.timings.headers = performance.now()
    if (this.#headerFilters() && this.#state === 'running') this.#body(bytesOf(exit.body), true)
  }

  #unexpected(error: unknown): void {
    this.#log.error({ err: error }, 'an exchange failed')
    this.#leg?.abort()
    if (this.#x.response.committed || this.#down.closed) this.#breakOff()
    else this.#answer(kongAnswer(500, UNEXPECTED, this.#x.id), 'error')
  }

  // ---- the client

  onDrain(): void {
    this.#leg?.resume()
  }

  onClose(): void {
    const x = this.#x
    this.#flush.stop()
    x.timings.end = performance.now()
    if (x.clientGone) this.#leg?.abort()
    this.#state = 'ended'
    const onFault = (error: unknown) => this.#log.error({ err: error }, 'a log phase failed')
    this.#host.telemetry.end(x).catch(onFault)
    this.#logPhase().catch(onFault)
  }

  async #logPhase(): Promise<void> {
    await this.#host.ended?.(this.#x)
    await this.#phases.log(this.#plugins.log)
    this.#host.record?.(this.#x)
    this.#x.request.releaseBody()
  }
}
