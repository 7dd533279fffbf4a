import type {
  AttemptFailure,
  Captures,
  ClientResponse,
  Entity,
  Exchange,
  NextAttempt,
  Phase,
  ProcessSettings,
  ServiceResponse,
  UpstreamRequest,
} from '../pdk/exchange.js'
import { emptyHeaders, type HeaderRecord } from '../pdk/headers.js'
import type { AbortReason, ModelCall, Transfer } from '../pdk/model-call.js'
import { requestId } from './ids.js'
import type { IncomingRequest } from './incoming-request.js'
import { logEntry } from './log-entry.js'
import { Flow } from './telemetry/flow.js'

/** An answer given by a plugin or by the gateway itself instead of the upstream's. */
export interface Exit {
  readonly status: number
  readonly body: Buffer | string | undefined
  readonly headers: HeaderRecord
}

/** What the exchange is part of, once the router has said so. A host that does not know a part may throw where it is read. */
export interface Binding {
  readonly route?: Entity | undefined
  readonly service?: Entity | undefined
  readonly consumer?: Entity | undefined
  readonly credential?: Entity | undefined
  readonly captures: Captures
  /** The request that the exchange starts from. Made where somebody asks for it: a plugin may set another whole one. */
  upstream(): UpstreamRequest
}

/** When things happened, in milliseconds of `performance.now()`; 0: they did not. */
export interface Timings {
  readonly start: number
  /** The first request to an upstream went out. */
  sent: number
  /** The headers of the answer that the client gets were there. */
  headers: number
  end: number
}

/**
 * The state of one request with its answer. What plugins ask for is noted here; `Pipeline` carries it out.
 *
 * Who gives it a function names that first: `x.nextAttempt = () => ...` would be made in V8's old generation, as every function that is
 * written as the value of a property, and keep all that it reaches until a full collection.
 */
export class LiveExchange implements Exchange {
  phase: Phase = 'rewrite'
  #upstream: UpstreamRequest | undefined
  #binding: Binding = UNBOUND
  #isAnswerFlowing = false
  nextAttempt: NextAttempt | undefined
  attemptsAfterCommit = false
  serviceResponse: ServiceResponse | undefined
  readonly response: ClientResponse = {
    status: 200,
    headers: emptyHeaders(),
    committed: false,
    source: 'error',
  }
  #shared: Exchange['shared'] | undefined
  #logValues: Exchange['logValues'] | undefined
  #secrets: Exchange['secrets'] | undefined
  modelCall: ModelCall | undefined
  buffered = false

  readonly timings: Timings = { start: performance.now(), sent: 0, headers: 0, end: 0 }
  /** Every upstream tried, in order. */
  readonly tries: { host: string; port: number; failure?: AttemptFailure['kind'] }[] = []
  readonly flow = new Flow()
  bytesOut = 0
  /** Among the open ones: see `OpenExchanges`. */
  place = -1
  /** The client went away before the answer was whole. */
  clientGone = false
  /** Why, for the log. */
  aborted: string | undefined
  /** Whose doing that was: the client's, or a limit that it kept waiting. */
  abandoned: 'client' | 'limit' | undefined
  /** Kong's own log entry of the request, where a Kong is in front; false if its log event did not come. */
  kongEntry: Record<string, unknown> | false | undefined

  /** Asked for in the phase under way, not yet carried out. */
  pendingExit: Exit | undefined
  pendingFailure: AttemptFailure | undefined
  flushTimer: { after(ms: number): void } | undefined

  constructor(
    readonly request: IncomingRequest,
    readonly configuration: ProcessSettings,
    readonly id = requestId(),
  ) {}

  bind(binding: Binding): void {
    this.#binding = binding
    this.#upstream = undefined
  }

  get upstream(): UpstreamRequest {
    return (this.#upstream ??= this.#binding.upstream())
  }

  set upstream(request: UpstreamRequest) {
    this.#upstream = request
  }

  get route(): Entity | undefined {
    return this.#binding.route
  }

  get service(): Entity | undefined {
    return this.#binding.service
  }

  get consumer(): Entity | undefined {
    return this.#binding.consumer
  }

  get credential(): Entity | undefined {
    return this.#binding.credential
  }

  get captures(): Captures {
    return this.#binding.captures
  }

  get shared(): Exchange['shared'] {
    return (this.#shared ??= new Map())
  }

  get logValues(): Exchange['logValues'] {
    return (this.#logValues ??= new Map())
  }

  get secrets(): Exchange['secrets'] {
    return (this.#secrets ??= new Set())
  }

  /** Why the answer did not come to its end. */
  get abort(): AbortReason | undefined {
    const failure = this.tries.at(-1)?.failure
    if (failure === undefined || failure === 'rejected') return this.modelCall?.abort ?? this.abandoned
    return failure === 'timeout' ? 'timeout' : 'provider'
  }

  get transfer(): Transfer {
    const { flow, bytesOut, tries, abort } = this
    return { bytesIn: flow.bytesIn, bytesOut, attempts: tries.length, abort }
  }

  exit(status: number, body: Buffer | string | undefined, headers: HeaderRecord): void {
    if (this.response.committed || this.pendingExit) return
    this.pendingExit = { status, body, headers }
  }

  /** The client has some of the upstream's answer. Where nothing will be sent again, the request need not be kept. */
  answerFlows(): void {
    if (this.#isAnswerFlowing || this.attemptsAfterCommit) return
    this.#isAnswerFlowing = true
    this.nextAttempt = undefined
    this.upstream.body = undefined
    this.request.releaseBody()
  }

  /** Of the upstream tried last, unless that has failed before: what follows was not sent. */
  tryFailed(kind: AttemptFailure['kind']): void {
    const last = this.tries.at(-1)
    if (last) last.failure ??= kind
  }

  failAttempt(failure: AttemptFailure): void {
    if ((this.response.committed && !this.attemptsAfterCommit) || this.pendingFailure) return
    this.pendingFailure = failure
  }

  flushAfter(ms: number): void {
    this.flushTimer?.after(ms)
  }

  serialize(): string {
    return logEntry(this)
  }
}

const UNBOUND: Binding = { captures: { named: {}, unnamed: [] }, upstream: nowhere }

/** Where a request goes of which nobody has said where: an attempt at it fails. */
export function nowhere(): UpstreamRequest {
  return {
    scheme: 'http',
    host: '',
    port: 0,
    method: 'GET',
    path: '/',
    rawQuery: '',
    headers: emptyHeaders(),
    body: undefined,
    timeouts: { connect: 0, headers: 0, idle: 0 },
    tlsVerify: true,
  }
}
