import type { JsonObject } from '../json.js'
import { countUsage } from '../tokens/count-usage.js'
import type { PromptForm } from '../tokens/prompt.js'
import { Said } from '../tokens/said.js'
import type { CountUsage } from './sink-answer.js'

export interface Countable {
  /** The driver's name. */
  provider: string
  /** The model that was asked. */
  model: string
  /** The client's request. */
  prompt: () => JsonObject
  form: PromptForm
}

/** What an answer needs for a count of its usage. */
export interface Counting {
  said: Said
  count: CountUsage
}

export function counting({ provider, model, prompt, form }: Countable): Counting {
  const said = new Said(model)
  return {
    said,
    count: (sink) => countUsage({ prompt: prompt(), form, provider, said, own: sink.ownPrompt }),
  }
}
