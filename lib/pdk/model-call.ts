import type { AnswerFacts } from '../llm/answer.js'

/**
 * Why an answer did not come to its end: the client left, the provider broke off or could not be reached, a time-out
 * passed, or it was more than we take.
 */
export type AbortReason = 'client' | 'provider' | 'timeout' | 'limit'

/**
 * One call of a model, for who watches: metrics, spans, the live page. The plugin that makes it hands it over once
 * (`kong.telemetry.setModelCall`) and keeps it true; it is read now and then, and never for a frame. It holds nothing of what
 * was asked or said.
 */
export interface ModelCall {
  /** Kong's `model.provider`. */
  readonly provider: string
  /** The model that is asked. */
  readonly model: string
  /** As OpenTelemetry names it: `gen_ai.operation.name`. */
  readonly operation: string
  /** The client gets a stream. */
  readonly stream: boolean
  readonly maxTokens: number | undefined
  readonly temperature: number | undefined
  readonly topP: number | undefined
  /** Of the answer as far as it has come; `undefined` before there is one. */
  readonly facts: AnswerFacts | undefined
  /** By the configured prices, of the usage that is known. */
  readonly cost: number
  /** From the plugin's beginning to the end of the answer, in milliseconds: Kong's `llm_latency`. */
  readonly latency: number
  /** What the plugin found wrong with the answer itself. */
  readonly abort: AbortReason | undefined
  /** Makes usage final once the answer is over, by a count of ours if need be. Never rejects; more calls cost nothing. */
  settle(): Promise<void>
}

/** What passed between client and provider. */
export interface Transfer {
  /** Of the provider's answers, without their content coding. */
  readonly bytesIn: number
  /** Of the client's answer. */
  readonly bytesOut: number
  /** Requests to providers. */
  readonly attempts: number
  readonly abort: AbortReason | undefined
}
