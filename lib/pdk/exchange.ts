import type { HeaderRecord } from './headers.js'
import type { ModelCall, Transfer } from './model-call.js'

/** The phases of an exchange, under Kong's names for its PDK checks. */
export type Phase = 'rewrite' | 'access' | 'response' | 'header_filter' | 'body_filter' | 'log'

/** A plain record of Kong's: a Route, Service, Consumer or credential as the Admin API shows it. */
export type Entity = Record<string, unknown>

/** Captures of a Route's regex path; unnamed ones by position, `0` the whole match. */
export interface Captures {
  readonly named: Record<string, string>
  readonly unnamed: readonly string[]
}

/** The client's request as the gateway accepted it. Nothing here changes during an exchange. */
export interface ClientRequest {
  readonly method: string
  readonly scheme: string
  /** Without port. */
  readonly host: string
  readonly port: number
  readonly httpVersion: string
  /** As sent, percent-encoding kept. */
  readonly rawPath: string
  /** Normalised as Kong does it (RFC 3986 §6): dot segments removed, unreserved characters decoded. */
  readonly path: string
  /** Without the question mark; `''` if there is none. */
  readonly rawQuery: string
  readonly headers: HeaderRecord
  /** The peer of the connection. */
  readonly ip: string
  readonly remotePort: number
  /** What a trusted peer's `X-Forwarded-*` say, else the same as above. */
  readonly forwarded: {
    readonly scheme: string
    readonly host: string
    readonly port: number
    readonly path: string
    readonly prefix: string
    readonly ip: string
    readonly remotePort: number
  }
  /** Unix milliseconds, with a fraction. */
  readonly startTime: number
  /**
   * The whole body, read once and kept. `undefined` if it is larger than `limit` bytes (0: no limit): the rest
   * is then not read.
   */
  readBody(limit: number): Promise<Buffer | undefined>
}

/** Milliseconds; 0 switches a limit off. */
export interface Timeouts {
  connect: number
  /** Until the response's headers. */
  headers: number
  /** Between two reads of the response's body. */
  idle: number
}

/**
 * A request on its way to an upstream. The first is made from the Service and the client's request, changed by the PDK's setters,
 * or set whole by `kong.service.setRequest`.
 */
export interface UpstreamRequest {
  scheme: 'http' | 'https'
  host: string
  port: number
  method: string
  /** Percent-encoded, with its leading slash. */
  path: string
  rawQuery: string
  headers: HeaderRecord
  /** `undefined`: the client's own body, streamed on. */
  body: Buffer | string | undefined
  timeouts: Timeouts
  /** Whether the certificate of an https upstream must be valid. */
  tlsVerify: boolean
  /** Adds credentials to the finished request, once an attempt, just before it goes out. May reject: then the attempt failed. */
  authorize?(request: UpstreamRequest): void | Promise<void>
}

/** The answer that the upstream gave. */
export interface ServiceResponse {
  readonly status: number
  readonly headers: HeaderRecord
  /** The whole body, in the `response` phase only. */
  body?: Buffer
}

/** The answer that the client gets. Changes until it is committed. */
export interface ClientResponse {
  status: number
  headers: HeaderRecord
  /** Status and headers have been sent. */
  committed: boolean
  /** Who made it: Kong's `kong.response.get_source`. */
  source: 'exit' | 'error' | 'service'
}

/** Why an attempt gave no answer that the client could be given. */
export interface AttemptFailure {
  kind: 'resolve' | 'connect' | 'tls' | 'timeout' | 'closed' | 'rejected'
  message: string
  /** Set by a filter that rejected the answer (`kong.service.failAttempt`). */
  status?: number
}

/** Gives the request of the next attempt; null when there is none, after an `exit` of its own if it wants one. */
export type NextAttempt = (
  failure: AttemptFailure,
) => UpstreamRequest | null | Promise<UpstreamRequest | null>

/** What the process was started with, for plugins: `kong.configuration`. */
export interface ProcessSettings {
  /** Where requests go whose provider's credential is empty. */
  readonly mockUrl?: string
  /** How many processes do what this one does: a limit of all is divided among them. Absent: it is the only one. */
  readonly workers?: number
}

/** One request with its answer, as the PDK sees and changes it. `lib/runtime` implements it. */
export interface Exchange {
  /** Kong's request id: 32 hexadecimal digits. */
  readonly id: string
  phase: Phase
  readonly configuration: ProcessSettings
  readonly request: ClientRequest
  readonly route: Entity | undefined
  readonly service: Entity | undefined
  readonly consumer: Entity | undefined
  readonly credential: Entity | undefined
  readonly captures: Captures
  upstream: UpstreamRequest
  nextAttempt: NextAttempt | undefined
  /** Another attempt may go on with an answer that has begun to reach the client. */
  attemptsAfterCommit: boolean
  /** Of the attempt under way. */
  serviceResponse: ServiceResponse | undefined
  readonly response: ClientResponse
  /** `kong.ctx.shared` and `kong.nginx.get_ctx`. */
  readonly shared: Map<string, unknown>
  /** What plugins added to the log entry: `kong.log.set_serialize_value`, keys are dotted paths. */
  readonly logValues: Map<string, { value: unknown; mode: 'set' | 'add' | 'replace' }>
  /** Names of headers and query arguments, in lower case, whose values no log entry holds (`kong.log.hide`). */
  readonly secrets: Set<string>
  /** The model call that a plugin makes of it (`kong.telemetry.setModelCall`). */
  modelCall: ModelCall | undefined
  /** What has passed so far. */
  readonly transfer: Transfer
  /** Collect the upstream's whole body before any of it goes to the client. */
  buffered: boolean
  /** Ends the phase; the answer is the given one. Ignored once the answer is committed or another exit came first. */
  exit(status: number, body: Buffer | string | undefined, headers: HeaderRecord): void
  /** Gives the attempt up, before its answer is committed unless `attemptsAfterCommit`. */
  failAttempt(failure: AttemptFailure): void
  /** Runs the body filters with an empty chunk in `ms` from now, in place of a run asked for earlier. */
  flushAfter(ms: number): void
  /** The log entry in Kong's shape, as JSON (`kong.log.serialize`). */
  serialize(): string
}
