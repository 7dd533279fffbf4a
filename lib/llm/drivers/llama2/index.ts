import type { Driver, ModelOptions } from '../../driver.js'
import { errorAnswer } from '../../formats/error-body.js'
import { selfHosted } from '../host.js'
import { ollamaDriver } from '../ollama/index.js'
import { openAiCompatible } from '../openai/compatible.js'
import { prepareRequest } from './request.js'
import { translateResponse } from './response.js'
import { GenerateTranslator } from './stream.js'

/**
 * Llama 2 on a server that takes one text and goes on with it, like Hugging Face's:
 * https://huggingface.co/docs/text-generation-inference/basic_tutorials/consuming_tgi
 */
const raw: Driver = {
  name: 'llama2',
  origin: selfHosted,
  request: prepareRequest,
  response: translateResponse,
  error: errorAnswer,
  frames: (contentType) => (contentType === 'text/event-stream' ? 'sse' : undefined),
  stream: (sink) => new GenerateTranslator(sink),
}

const compatible = openAiCompatible({
  name: 'llama2',
  origin: selfHosted,
  chatPath: '/v1/chat/completions',
  completionsPath: '/v1/completions',
  quirks: { topK: true },
})

const onOllama = ollamaDriver('llama2')

/** Which API a Llama model is behind. */
export function llama2Driver({ llama2_format: format }: ModelOptions): Driver {
  if (format === 'ollama') return onOllama
  return format === 'openai' ? compatible : raw
}
