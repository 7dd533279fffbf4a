import { openAiCompatible } from './compatible.js'

/** The models that know `max_completion_tokens` only, tuned ones as well. */
export const REASONING_MODELS = /^(?:ft:)?(?:o\d|gpt-[5-9])/

/** OpenAI itself: https://platform.openai.com/docs/api-reference */
export const openai = openAiCompatible({
  name: 'openai',
  origin: 'https://api.openai.com:443',
  chatPath: '/v1/chat/completions',
  completionsPath: '/v1/completions',
  quirks: { reasoningModels: REASONING_MODELS },
})
