import type { Driver } from '../../driver.js'
import { convertError } from './error.js'
import { ORIGIN, prepareRequest, versionHeader } from './request.js'
import { translateResponse } from './response.js'
import { MessagesTranslator } from './stream.js'

/** Anthropic's Messages API: https://docs.claude.com/en/api/messages */
export const anthropic: Driver = {
  name: 'anthropic',
  origin: () => ORIGIN,
  preserve: (path, options) => ({ path, headers: versionHeader(options) }),
  request: prepareRequest,
  response: translateResponse,
  error: convertError,
  frames: (contentType) => (contentType === 'text/event-stream' ? 'sse' : undefined),
  stream: (sink) => new MessagesTranslator(sink),
}
