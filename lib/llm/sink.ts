import type { FinishReason, Usage } from './chat.js'
import type { ChatError } from './errors.js'
import type { Json, JsonObject } from './json.js'

export interface AnswerMeta {
  /** The provider's id of the answer; the sink makes one up where there is none. */
  id?: string
  /** The model that answered, as the provider names it; the requested one where it does not. */
  model?: string
  /** Unix seconds; now where the provider sends none. */
  created?: number
  systemFingerprint?: string | null
  serviceTier?: string
}

/**
 * Where a translator says what the provider answered, in the words of an answer. A sink writes it in the client's
 * format: as the events of a stream, or as one body. `choice` counts candidates from 0.
 *
 * Order: `start` first; per choice any deltas, then one `finish`; `usage` at any time (a later one replaces an earlier
 * one: a driver whose provider counts incrementally adds up itself); then `done` once the answer is complete, or
 * `error` if it never will be. After either, every call is ignored.
 */
export interface Sink {
  start(meta: AnswerMeta): void
  text(choice: number, text: string): void
  /** Several texts in a row, none of them empty. */
  texts(choice: number, texts: readonly string[]): void
  refusal(choice: number, text: string): void
  reasoning(choice: number, text: string): void
  /** `call` counts the choice's tool calls from 0. `extra` becomes `extra_content`. */
  toolStart(choice: number, call: number, id: string, name: string, extra?: JsonObject): void
  /** A piece of the call's arguments, which joined are JSON text. */
  toolArgs(choice: number, call: number, text: string): void
  /** Token log probabilities (OpenAI's `logprobs.content` items) of the choice's text. */
  logprobs(choice: number, content: Json[]): void
  /** A documented extra field of the message (`thinking_blocks`, `citations`): arrays append, anything else replaces. */
  extra(choice: number, field: string, value: Json): void
  finish(choice: number, reason: FinishReason): void
  usage(usage: Usage): void
  /** Of a stream's beginning: only the prompt's figures are final. They stand if the stream is cut. */
  promptUsage(usage: Usage): void
  /** The answer is complete. Every choice must have finished: if one has not, the sink says so with an error. */
  done(): void
  error(error: ChatError): void
}
