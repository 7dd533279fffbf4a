import type { FinishReason, Usage } from './chat.js'
import type { ChatError } from './errors.js'
import type { Unfinished } from './unfinished.js'

/**
 * One upstream answer on its way to the client: upstream bytes in, client bytes out. One per attempt.
 *
 * `held` until the first real delta (a role, an empty delta or a ping is none): nothing comes out, so that an early
 * error can still be an HTTP status. Then `open`; at last `done` (the answer is complete, later bytes are ignored) or
 * `failed` (`error` says why; if the answer was open, the error event is in the output, unless the format is unknown
 * (`preserve`) or the stream may be taken up (`unfinished`); if it was held, nothing is).
 */
export interface Answer {
  readonly state: 'held' | 'open' | 'done' | 'failed'
  readonly error: ChatError | undefined
  /** The first real delta has come, whether or not it was waited for. */
  readonly began: boolean
  readonly facts: AnswerFacts
  /** Bytes of the upstream's body, cut in any way. Never throws: a fault becomes `failed`. */
  push(bytes: Uint8Array): void
  /** The upstream's body has ended. */
  end(): void
  /** The connection broke or a time limit passed. */
  fail(error: ChatError): void
  /** The hold is over: what was held may go out, though no delta came yet. */
  release(): void
  /** What may go to the client and did not go yet; `undefined` if nothing. */
  read(): Buffer | undefined
  /**
   * Set while the answer is complete but for its usage, which the provider did not send and the client is to have: once
   * it resolves, the state is `done` and the rest can be read. Never rejects.
   */
  readonly counting?: Promise<void> | undefined
  /**
   * Makes sure that `facts` have the usage of what was said so far, if anything was: counted where the provider did not
   * send it. Call it once nothing more will come. Never rejects. Absent where no count is possible.
   */
  countUsage?(): Promise<void>
  /** Of a stream that was made to be taken up where it fails: what it has said, if another provider can go on with that. */
  readonly unfinished?: Unfinished | undefined
}

/** What is known of an answer, for headers, logs and metrics. */
export interface AnswerFacts {
  id?: string | undefined
  model?: string | undefined
  usage?: Usage | undefined
  /** The part of `usage` that came after the answer was taken up; absent in any other. */
  ownUsage?: Usage | undefined
  /** `usage` is a count of ours: the provider sent none, or not the whole of it. */
  estimated?: boolean | undefined
  /** By choice. */
  finishReasons: FinishReason[]
  /** Frames read, and those among them that were passed over because nobody knows them. */
  frames: number
  unknownFrames: number
  /** Events written for the client; absent in a whole answer. */
  events?: number | undefined
  /** Characters that the answer has said, where they are kept for a count. */
  saidChars?: number | undefined
}
