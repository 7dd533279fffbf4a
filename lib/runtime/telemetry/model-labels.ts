import type { LiveExchange } from '../exchange.js'

const MODEL = ['ai_provider', 'ai_model'] as const
/** Kong's, in its order; those of its other plugins are empty without them. */
const KONG = [...MODEL, 'cache_status', 'vector_db', 'embeddings_provider', 'embeddings_model'] as const
/** The names of the labels: ours, Kong's, and Kong's of token counts. */
export const LABELS = {
  model: MODEL,
  kong: [...KONG, 'workspace'],
  tokens: [...KONG, 'token_type', 'workspace'],
} as const

export const TOKEN_TYPES = ['prompt_tokens', 'completion_tokens', 'total_tokens'] as const
export type TokenType = (typeof TOKEN_TYPES)[number]

/** The label sets of one model, made once: that costs more than to count with them. */
export interface ModelLabels {
  readonly model: Record<(typeof LABELS.model)[number], string>
  readonly kong: Record<(typeof LABELS.kong)[number], string>
  readonly tokens: Readonly<Record<TokenType, Record<(typeof LABELS.tokens)[number], string>>>
}

/** Each pair is about a hundred series. */
const MAX_PAIRS = 50
const MAX_CHARS = 100

/**
 * Keeps the number of label values bounded, as clients may name any model: a name counts once a provider has answered for
 * it, the first fifty do, and the rest is `other`. Providers come from the config alone.
 */
export class ModelNames {
  readonly #known = new Map<string, ModelLabels>()
  readonly #others = new Map<string, ModelLabels>()

  labels({ modelCall, serviceResponse }: LiveExchange): ModelLabels | undefined {
    if (!modelCall) return undefined
    const { provider, model } = modelCall
    const pair = `${provider} ${model}`
    const known = this.#known.get(pair)
    if (known) return known
    const status = serviceResponse?.status ?? 0
    const isAnswered = status >= 200 && status < 300
    if (isAnswered && model.length <= MAX_CHARS && this.#known.size < MAX_PAIRS) {
      const labels = labelsOf(provider, model)
      this.#known.set(pair, labels)
      return labels
    }
    const other = this.#others.get(provider) ?? labelsOf(provider, 'other')
    this.#others.set(provider, other)
    return other
  }
}

function labelsOf(ai_provider: string, ai_model: string): ModelLabels {
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
