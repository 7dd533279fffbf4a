import type { Driver } from '../../driver.js'
import { errorAnswer } from '../../formats/error-body.js'
import { ORIGIN, prepareRequest } from './request.js'
import { translateResponse } from './response.js'
import { ChatTranslator } from './stream.js'

/** Cohere's Chat API, version 2: https://docs.cohere.com/reference/chat */
export const cohere: Driver = {
  name: 'cohere',
  origin: () => ORIGIN,
  request: prepareRequest,
  response: translateResponse,
  error: errorAnswer,
  frames: (contentType) => (contentType === 'text/event-stream' ? 'sse' : undefined),
  stream: (sink) => new ChatTranslator(sink),
}
