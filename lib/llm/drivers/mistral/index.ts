import type { ChatRequest } from '../../chat.js'
import type { Driver, ModelOptions } from '../../driver.js'
import { ollamaDriver } from '../ollama/index.js'
import { openAiCompatible } from '../openai/compatible.js'
import { offeredFunctions, readToolChoice } from '../tool-choice.js'
import { convertMessages } from './messages.js'

const SERVER = {
  name: 'mistral',
  origin: 'https://api.mistral.ai:443',
  chatPath: '/v1/chat/completions',
}

const api = openAiCompatible({
  ...SERVER,
  quirks: {
    noMaxCompletionTokens: true,
    noStreamOptions: true, // usage is in the last chunk of every stream
    noDeveloperRole: true,
    noMessageNames: true,
    renamed: { seed: 'random_seed' },
    unsupported: [
      ['logit_bias', 'logprobs', 'top_logprobs', 'user', 'safety_identifier', 'service_tier', 'store'],
      ['verbosity', 'modalities', 'audio', 'web_search_options', 'functions', 'function_call'],
    ].flat(),
  },
  dialect: true,
})

/**
 * Mistral's own API. It is OpenAI's with other words for some things, refuses fields that it does not know, and gives
 * content as a list of parts where its models think.
 *
 * Source: https://docs.mistral.ai/api/endpoint/chat
 */
const platform: Driver = {
  ...api,
  request(chat, target) {
    const dropped: string[] = []
    const messages = convertMessages(chat.messages, dropped)
    const ours = { ...chat, ...narrowedTools(chat, dropped), messages } as typeof chat // Mistral's from here on
    const request = api.request(ours, target)
    return { ...request, dropped: [...dropped, ...request.dropped] }
  },
}

/** Mistral knows no list of allowed tools: the others are not sent. */
function narrowedTools(
  { tools = [], tool_choice: choice }: ChatRequest,
  dropped: string[],
): Pick<ChatRequest, 'tools' | 'tool_choice'> {
  if (typeof choice !== 'object' || choice.type !== 'allowed_tools') return {}
  const narrowed = readToolChoice(choice)
  return {
    tools: offeredFunctions(tools, narrowed, dropped).map(({ tool }) => tool),
    tool_choice: narrowed.mode,
  }
}

const compatible = openAiCompatible({ ...SERVER, completionsPath: '/v1/completions', quirks: { topK: true } })
const onOllama = ollamaDriver('mistral')

/** Which API a Mistral model is behind: Mistral's, one like OpenAI's on a server of one's own, or Ollama's. */
export function mistralDriver({ mistral_format: format, upstream_url: url }: ModelOptions): Driver {
  if (format === 'ollama') return onOllama
  return url === undefined || isMistrals(url) ? platform : compatible
}

function isMistrals(url: string): boolean {
  return URL.canParse(url) && /(?:^|\.)mistral\.ai$/.test(new URL(url).hostname)
}
