/** What models differ in behind the one API, told by their ids: `us.anthropic.claude-sonnet-4-5-20250929-v1:0`. */
export interface ModelTraits {
  isClaude: boolean
  /** How the model is asked to reason, if it can be. */
  reasoning: 'thinking' | 'reasoning_effort' | 'reasoningConfig' | undefined
  /** Where `top_k` stands in `additionalModelRequestFields`, if the model has one. */
  topK: 'top_k' | 'k' | 'inferenceConfig.topK' | undefined
  /** Whether there are system prompts beside the turns. */
  takesSystem: boolean
  /** Whether a tool may be `strict`. */
  takesStrict: boolean
}

const OTHERS: ModelTraits = {
  isClaude: false,
  reasoning: undefined,
  topK: 'top_k',
  takesSystem: true,
  takesStrict: false,
}

/** The first row that fits. An id that names no model (an application's inference profile) has no row. */
const FAMILIES: readonly (readonly [RegExp, Partial<ModelTraits>])[] = [
  [/claude-(?:haiku|opus|sonnet)-4-[56]/, { isClaude: true, reasoning: 'thinking', takesStrict: true }],
  [/claude/, { isClaude: true, reasoning: 'thinking' }],
  [/amazon\.nova-2/, { reasoning: 'reasoningConfig', topK: 'inferenceConfig.topK' }],
  [/amazon\.nova/, { topK: 'inferenceConfig.topK' }],
  [/amazon\.titan/, { topK: undefined, takesSystem: false }],
  [/openai\./, { reasoning: 'reasoning_effort', topK: undefined }],
  [/cohere\.command-(?:light-)?text/, { topK: 'k', takesSystem: false }],
  [/cohere\./, { topK: 'k' }],
  [/mistral\.mistral-7b-instruct|mistral\.mixtral-8x7b-instruct/, { takesSystem: false }],
  [/(?:meta|deepseek|ai21)\./, { topK: undefined }],
]

/** Source: https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-supported-models-features.html */
export function modelTraits(model: string): ModelTraits {
  const family = FAMILIES.find(([pattern]) => pattern.test(model))
  return { ...OTHERS, ...family?.[1] }
}
