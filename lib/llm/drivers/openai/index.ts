import { openAiCompatible } from './compatible.js'

/** OpenAI itself: https://platform.openai.com/docs/api-reference */
export const openai = openAiCompatible({
  name: 'openai',
  origin: 'https://api.openai.com:443',
  chatPath: '/v1/chat/completions',
  completionsPath: '/v1/completions',
  quirks: { reasoningModels: /^(?:ft:)?(?:o\d|gpt-[5-9])/ },
})
