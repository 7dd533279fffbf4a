import type { LiveExchange } from '../exchange.js'

export const TOKEN_TYPES = ['prompt_tokens', 'completion_tokens', 'total_tokens'] as const
export type TokenType = (typeof TOKEN_TYPES)[number]

/** The label sets of one model, made once: that costs more than to count with them. */
export type ModelLabels = Readonly<ReturnType<typeof labelsOf>>

/** Each pair is about a hundred series. */
const MAX_PAIRS = 50
const MAX_CHARS = 100

/**
 * Keeps the number of label values bounded, as clients may name any model: a name counts once a provider has answered for
 * it, the first fifty do, and the rest is `other`. Providers come from the config alone.
 */
export class ModelNames {
  /** By provider and model: one key made of both would have to be made for each answer. */
  readonly #known = new Map<string, Map<string, ModelLabels>>()
  readonly #others = new Map<string, ModelLabels>()
  #pairs = 0

  labels({ modelCall, serviceResponse }: LiveExchange): ModelLabels | undefined {
    if (!modelCall) return undefined
    const { provider, model } = modelCall
    const models = this.#known.get(provider)
    const known = models?.get(model)
    if (known) return known
    const status = serviceResponse?.status ?? 0
    const isAnswered = status >= 200 && status < 300
    if (isAnswered && model.length <= MAX_CHARS && this.#pairs < MAX_PAIRS) {
      const labels = labelsOf(provider, model)
      if (models) models.set(model, labels)
      else this.#known.set(provider, new Map([[model, labels]]))
      this.#pairs++
      return labels
    }
    const other = this.#others.get(provider) ?? labelsOf(provider, 'other')
    this.#others.set(provider, other)
    return other
  }
}

/** Ours, Kong's and Kong's of token counts; Kong's in its order, with those of its other plugins empty. */
function labelsOf(ai_provider: string, ai_model: string) {
  const model = { ai_provider, ai_model }
  const plugins = { cache_status: '', vector_db: '', embeddings_provider: '', embeddings_model: '' }
  const kong = { ...model, ...plugins, workspace: 'default' }
  const tokens = (token_type: TokenType) => ({ ...model, ...plugins, token_type, workspace: 'default' })
  return {
    model,
    kong,
    tokens: {
      prompt_tokens: tokens('prompt_tokens'),
      completion_tokens: tokens('completion_tokens'),
      total_tokens: tokens('total_tokens'),
    },
  }
}
