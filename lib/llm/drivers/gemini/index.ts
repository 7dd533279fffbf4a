import type { Driver } from '../../driver.js'
import type { FrameFormat } from '../../frames/frame.js'
import { lookup } from '../lookup.js'
import { convertError } from './error.js'
import { originOf, prepareRequest } from './request.js'
import { translateResponse } from './response.js'
import { GenerateContentTranslator } from './stream.js'

const FRAMES: Readonly<Record<string, FrameFormat>> = {
  'text/event-stream': 'sse',
  // Without `alt=sse`, which an `upstream_url` may lack.
  'application/json': 'json-array',
}

/** Google's Gemini, on its public API and on Vertex AI: https://ai.google.dev/api/generate-content */
export const gemini: Driver = {
  name: 'gemini',
  origin: originOf,
  request: prepareRequest,
  response: translateResponse,
  error: convertError,
  frames: (contentType) => lookup(FRAMES, contentType),
  stream: (sink) => new GenerateContentTranslator(sink),
}
