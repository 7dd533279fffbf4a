import type { ModelOptions } from '../../driver.js'
import { isObject } from '../../json.js'
import { openAiCompatible } from '../openai/compatible.js'

/**
 * Hugging Face: its router of inference providers, or an inference endpoint of one's own (`upstream_url`). Behind either
 * are many servers, each with its own way to end, to think and to write a call's arguments, so answers are read and
 * written anew.
 *
 * Sources: https://huggingface.co/docs/inference-providers/tasks/chat-completion and
 * https://huggingface.co/docs/text-generation-inference/messages_api
 */
export const huggingface = openAiCompatible({
  name: 'huggingface',
  origin: 'https://router.huggingface.co:443',
  chatPath: '/v1/chat/completions',
  headers,
  quirks: { topK: true, noMaxCompletionTokens: true, noDeveloperRole: true },
  dialect: true,
})

/** https://huggingface.co/docs/api-inference/parameters#headers */
function headers({ huggingface: options }: ModelOptions): Record<string, string> {
  if (!isObject(options)) return {}
  const { use_cache: cache, wait_for_model: wait } = options
  return {
    ...(typeof cache === 'boolean' && { 'x-use-cache': String(cache) }),
    ...(typeof wait === 'boolean' && { 'x-wait-for-model': String(wait) }),
  }
}
