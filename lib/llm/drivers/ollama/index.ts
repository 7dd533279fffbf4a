import type { Driver } from '../../driver.js'
import { errorAnswer } from '../../formats/error-body.js'
import { selfHosted } from '../host.js'
import { remoteImages } from '../remote-images.js'
import { prepareRequest } from './request.js'
import { translateResponse } from './response.js'
import { ChatTranslator } from './stream.js'

/** A server of Ollama's own API, under the name of the provider whose models it runs: https://docs.ollama.com/api/chat */
export function ollamaDriver(name: string): Driver {
  return {
    name,
    origin: selfHosted,
    remoteImages,
    request: prepareRequest,
    response: (body, sink) => translateResponse(body, sink, name),
    error: errorAnswer,
    frames: (contentType) => (contentType === 'application/x-ndjson' ? 'ndjson' : undefined),
    stream: (sink) => new ChatTranslator(sink),
  }
}

export const ollama = ollamaDriver('ollama')
