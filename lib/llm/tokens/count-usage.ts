import type { Usage } from '../chat.js'
import { isObject, type JsonObject } from '../json.js'
import { tokenModel, type TokenModel } from './models.js'
import { functionsOf, promptTally, type PromptForm } from './prompt.js'
import type { Said } from './said.js'
import type { Tally } from './tally.js'
import { type Tokenizer, tokenizer as shared } from './tokenizer.js'

/** What a count is made of. */
export interface Counted {
  /** The request. */
  prompt: JsonObject
  form: PromptForm
  /** Whose API has answered: the driver's name. */
  provider: string
  said: Said
  /** What the provider has counted of the prompt. */
  own?: Usage | undefined
}

type Counter = Pick<Tokenizer, 'count'>

/** The usage of an answer as far as it came, for providers that did not send it. */
export async function countUsage(
  { prompt, form, provider, said, own }: Counted,
  tokenizer: Counter = shared,
): Promise<Usage> {
  const model = tokenModel(...said.models)
  const [input, output, reasoning] = await Promise.all([
    own?.prompt_tokens ?? tokensOf(promptTally(prompt, model, form), model, tokenizer),
    tokensOf(said.tally(model, isMarked(model, prompt, provider), isForced(prompt)), model, tokenizer),
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

function isMarked({ endsWith }: TokenModel, prompt: JsonObject, provider: string): boolean {
  const isAzures = endsWith !== 'tools' && provider === 'azure'
  const hasTools = endsWith !== 'azure' && functionsOf(prompt).length > 0
  return endsWith !== undefined && (isAzures || hasTools)
}

/** In the words of OpenAI or, in a request of its own format, of Anthropic. */
function isForced({ tool_choice: choice }: JsonObject): boolean {
  return choice === 'required' || (isObject(choice) && choice.type !== 'auto' && choice.type !== 'none')
}

async function tokensOf(
  { texts, counts, scale, tokens }: Tally,
  model: TokenModel,
  tokenizer: Counter,
): Promise<number> {
  const counted = await Promise.all([tokenizer.count(model.encoding, texts), ...counts])
  const sum = counted.reduce((whole, part) => whole + part, 0)
  return Math.round(sum * scale * model.ratio) + tokens
}
