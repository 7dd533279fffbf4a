import { anthropicMessages } from './anthropic.js'
import type { MockApi } from './api.js'
import { azureChat, azureCompletions } from './azure.js'
import { bedrockConverse } from './bedrock.js'
import { cohereChat } from './cohere.js'
import { geminiGenerate } from './gemini.js'
import { huggingfaceChat } from './huggingface.js'
import { ollamaChat, ollamaGenerate } from './ollama.js'
import { openaiChat, openaiCompletions } from './openai.js'
import { tgiGenerate, tgiModel } from './tgi.js'

/** Every API that the mock speaks. The first whose path fits answers: the more special ones come first. */
export const APIS: readonly MockApi[] = [
  azureChat,
  azureCompletions,
  huggingfaceChat,
  openaiChat,
  openaiCompletions,
  anthropicMessages,
  geminiGenerate,
  bedrockConverse,
  cohereChat,
  ollamaChat,
  ollamaGenerate,
  tgiGenerate,
  tgiModel,
]
