import type { AnswerFacts, Answer } from '../../lib/llm/answer.js'
import type { NativeRoute, RouteType } from '../../lib/llm/driver.js'
import type { AbortReason, ModelCall } from '../../lib/pdk/model-call.js'
import { ErrorAnswer } from './error-answer.js'
import { operationOf } from './operation.js'
import type { Prepared } from './prepare.js'
import { cost } from './statistics.js'

/** OpenTelemetry's names of what the routes ask for; a preserved one asks what its path says. */
const OPERATIONS: Readonly<Record<NativeRoute, string>> = {
  'llm/v1/chat': 'chat',
  'llm/v1/completions': 'text_completion',
}

/** The codes of errors of answers that are more than we take. */
const TOO_LARGE: ReadonlySet<unknown> = new Set(['answer_too_large', 'frame_too_large'])

/** What the handler notes of an exchange. */
interface Watched extends Pick<Prepared, 'model' | 'call' | 'request'> {
  readonly started: number
  /** The answer that it goes on with. */
  readonly begun: { readonly cost: number } | undefined
  answer: Answer | undefined
  ended: number | undefined
}

/** An exchange of ai-proxy, as metrics, spans and the live page see it. */
export class AiCall implements ModelCall {
  readonly operation: string
  readonly #watched: Watched
  #settling: Promise<void> | undefined

  constructor(watched: Watched, route: RouteType) {
    this.#watched = watched
    const isPreserved = route === 'preserve' || watched.call.format === undefined
    this.operation = isPreserved ? operationOf(watched.request.path) : OPERATIONS[route]
  }

  get provider(): string {
    return this.#watched.model.provider
  }

  get model(): string {
    return this.#watched.call.model || 'UNSPECIFIED'
  }

  get stream(): boolean {
    return this.#watched.call.stream
  }

  get maxTokens(): number | undefined {
    const { max_completion_tokens, max_tokens } = this.#watched.call.body
    return numberOf(max_completion_tokens ?? max_tokens) ?? this.#watched.model.options?.max_tokens
  }

  get temperature(): number | undefined {
    return numberOf(this.#watched.call.body.temperature) ?? this.#watched.model.options?.temperature
  }

  get topP(): number | undefined {
    return numberOf(this.#watched.call.body.top_p) ?? this.#watched.model.options?.top_p
  }

  get facts(): AnswerFacts | undefined {
    return this.#watched.answer?.facts
  }

  get cost(): number {
    const { begun, model } = this.#watched
    const usage = begun ? this.facts?.ownUsage : this.facts?.usage
    return (begun?.cost ?? 0) + (usage ? cost(usage, model.options ?? {}) : 0)
  }

  get latency(): number {
    return (this.#watched.ended ?? performance.now()) - this.#watched.started
  }

  /** An error of the provider's API is an answer, and a good stream that turns out to be none is not. */
  get abort(): AbortReason | undefined {
    const { answer } = this.#watched
    if (!answer?.error || answer instanceof ErrorAnswer) return undefined
    if (TOO_LARGE.has(answer.error.code)) return 'limit'
    return answer.error.status === 504 ? 'timeout' : 'provider'
  }

  settle(): Promise<void> {
    this.#watched.ended ??= performance.now()
    this.#settling ??= this.#watched.answer?.countUsage?.() ?? Promise.resolve()
    return this.#settling
  }
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}
