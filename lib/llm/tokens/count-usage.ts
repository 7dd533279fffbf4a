import type { Usage } from '../chat.js'
import type { JsonObject } from '../json.js'
import { tokenModel, type TokenModel } from './models.js'
import { promptTally } from './prompt.js'
import type { Said } from './said.js'
import type { Tally } from './tally.js'
import { type Tokenizer, tokenizer as shared } from './tokenizer.js'

/** What a count is made of. */
export interface Counted {
  /** The request, in either of OpenAI's formats. */
  prompt: JsonObject
  /** A text completion's prompt went to a chat model. */
  framed: boolean
  /** Names of the model; the first that says how to count does. */
  models: string[]
  said: Said
  /** What the provider has counted of the prompt. */
  own?: Usage | undefined
}

/** The usage of an answer as far as it came, for providers that did not send it. */
export async function countUsage(
  { prompt, framed, models, said, own }: Counted,
  tokenizer: Tokenizer = shared,
): Promise<Usage> {
  const model = tokenModel(...models)
  const [input, output, reasoning] = await Promise.all([
    own?.prompt_tokens ?? tokensOf(promptTally(prompt, model, framed), model, tokenizer),
    tokensOf(said.tally(model), model, tokenizer),
    tokensOf(said.reasoningTally(), model, tokenizer),
  ])
  const completion = output + reasoning
  return {
    prompt_tokens: input,
    completion_tokens: completion,
    total_tokens: input + completion,
    ...(own?.prompt_tokens_details && { prompt_tokens_details: own.prompt_tokens_details }),
    ...(reasoning > 0 && { completion_tokens_details: { reasoning_tokens: reasoning } }),
  }
}

async function tokensOf(tally: Tally, model: TokenModel, tokenizer: Tokenizer): Promise<number> {
  const counted = await tokenizer.count(model.encoding, tally.texts)
  const chars = tally.texts.reduce((sum, text) => sum + text.length, 0)
  const whole = chars === 0 ? 0 : (counted * (chars + tally.omittedChars)) / chars
  return Math.round(whole * model.ratio) + tally.tokens
}
