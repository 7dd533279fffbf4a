import type { LiveExchange } from '../exchange.js'

/** Which model an exchange called, as metrics name it. */
export interface ModelLabels {
  readonly ai_provider: string
  readonly ai_model: string
}

/** Each pair is about a hundred series. */
const MAX_PAIRS = 50
const MAX_CHARS = 100

/**
 * Keeps the number of label values bounded, as clients may name any model: a name counts once a provider has answered for
 * it, the first fifty do, and the rest is `other`. Providers come from the config alone.
 */
export class ModelNames {
  readonly #known = new Set<string>()

  labels({ modelCall, serviceResponse }: LiveExchange): ModelLabels | undefined {
    if (!modelCall) return undefined
    const { provider, model } = modelCall
    const status = serviceResponse?.status ?? 0
    const isKnown = this.#admits(`${provider} ${model}`, status >= 200 && status < 300)
    return { ai_provider: provider, ai_model: isKnown && model.length <= MAX_CHARS ? model : 'other' }
  }

  #admits(pair: string, isAnswered: boolean): boolean {
    if (this.#known.has(pair)) return true
    if (!isAnswered || this.#known.size >= MAX_PAIRS) return false
    this.#known.add(pair)
    return true
  }
}
