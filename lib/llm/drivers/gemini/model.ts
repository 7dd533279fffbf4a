/** What models differ in, told by their names. */
export interface ModelTraits {
  /** How thinking is asked for: as a level (Gemini 3), as tokens (2.5), or not at all (before). */
  thinking: 'level' | 'budget' | 'none'
  /** The least thinking that the model can be brought down to. */
  leastBudget: number
  leastLevel: 'MINIMAL' | 'LOW'
  /** Whether a function call sent back without its thought signature is refused. */
  needsSignatures: boolean
  /** Whether the result of a tool may have images and files in it. */
  takesMediaResults: boolean
  /** Whether there is a system instruction beside the turns. */
  takesSystem: boolean
}

/** Without thinking; Gemma on this API is also without system instructions. */
const BEFORE_THINKING = /^(?:gemini-(?:1\.|2\.0|2\.5-flash-image|pro)|gemma-)/
const THIRD_GENERATION = /^gemini-(?:[3-9]|\d{2,}|(?:pro|flash|flash-lite)-latest)/

/**
 * An unknown name counts as Gemini 2.5.
 *
 * Source: https://ai.google.dev/gemini-api/docs/thinking and /docs/thought-signatures
 */
export function modelTraits(model: string): ModelTraits {
  const name = model.slice(model.lastIndexOf('/') + 1).toLowerCase()
  const isThird = THIRD_GENERATION.test(name)
  const isPro = name.includes('-pro')
  return {
    thinking: isThird ? 'level' : BEFORE_THINKING.test(name) ? 'none' : 'budget',
    leastBudget: isPro ? 128 : 0,
    leastLevel: isPro ? 'LOW' : 'MINIMAL',
    needsSignatures: isThird,
    takesMediaResults: isThird,
    takesSystem: !name.startsWith('gemma-'),
  }
}
