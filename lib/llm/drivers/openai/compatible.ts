import type { Driver, NativeApi, NativeRoute, ProviderRequest, Target } from '../../driver.js'
import { ChatError } from '../../errors.js'
import { errorAnswer, errorWithin } from '../../formats/error-body.js'
import { ChatReader } from '../../formats/chat-read.js'
import { ChunkTranslator } from '../../formats/chunk-translator.js'
import { isObject, type JsonObject } from '../../json.js'
import type { Quirks } from './quirks.js'
import { prepareBody } from './request.js'

/** What tells one server of OpenAI's API from another. */
export interface OpenAiServer {
  /** Kong's `model.provider`. */
  name: string
  /** `https://api.openai.com:443` */
  origin: string
  chatPath: string
  /** Where there is none, text completions go to the chat API. */
  completionsPath?: string
  quirks?: Quirks
}

/**
 * The driver of a provider that speaks OpenAI's API: requests and answers pass as they are.
 *
 * @example
 * const groq = openAiCompatible({
 *   name: 'groq',
 *   origin: 'https://api.groq.com:443',
 *   chatPath: '/openai/v1/chat/completions',
 *   quirks: { noStreamOptions: true },
 * })
 */
export function openAiCompatible(server: OpenAiServer): Driver {
  const chat = nativeApi(server, 'llm/v1/chat', server.chatPath)
  return {
    name: server.name,
    origin: () => server.origin,
    request: (request, target) => {
      const { changed: _, ...prepared } = chat.request(request as JsonObject, target) // it came from JSON
      return prepared
    },
    response: (body, sink) => {
      if (isObject(body) && (Array.isArray(body.choices) || errorWithin(body) !== undefined)) {
        new ChatReader(sink).body(body)
      } else {
        sink.error(
          ChatError.untranslatable(`${server.name}://llm/v1/chat`, "'choices' not in llm/v1/chat response"),
        )
      }
    },
    error: errorAnswer,
    frames: (contentType) => (contentType === 'text/event-stream' ? 'sse' : undefined),
    stream: (sink) => new ChunkTranslator(new ChatReader(sink), sink),
    native: {
      'llm/v1/chat': chat,
      ...(server.completionsPath !== undefined && {
        'llm/v1/completions': nativeApi(server, 'llm/v1/completions', server.completionsPath),
      }),
    },
  }
}

function nativeApi(server: OpenAiServer, route: NativeRoute, path: string): NativeApi {
  return {
    request(body: JsonObject, target: Target): ProviderRequest & { changed: boolean } {
      return {
        origin: server.origin,
        path,
        headers: {
          'content-type': 'application/json',
          accept: target.stream ? 'text/event-stream' : 'application/json',
        },
        ...prepareBody(body, target, route, server.quirks ?? {}),
      }
    },
  }
}
