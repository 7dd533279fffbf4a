import type { MockApi, MockError } from './api.js'
import { openaiChat, readChat } from './openai.js'
import { string } from './read.js'

/**
 * Hugging Face's chat completions for one model: OpenAI's format, errors of its own.
 * https://huggingface.co/docs/inference-providers/tasks/chat-completion
 */
export const huggingfaceChat: MockApi = {
  ...openaiChat,
  path: /\/models\/(?<model>.+)\/v1\/chat\/completions$/,
  read: ({ body, captures }) => readChat(body, captures.model ?? string(body.model)),
  error: huggingfaceError,
  overloaded: { data: { error: 'Model is overloaded', error_type: 'overloaded' } },
}

/** https://github.com/huggingface/text-generation-inference/blob/main/docs/openapi.json, `ErrorResponse`. */
export function huggingfaceError({ status, message }: MockError) {
  return { body: { error: message, error_type: ERROR_TYPES[status] ?? 'generation' } }
}

const ERROR_TYPES: Readonly<Record<number, string>> = {
  400: 'validation',
  422: 'validation',
  429: 'overloaded',
  503: 'overloaded',
}
