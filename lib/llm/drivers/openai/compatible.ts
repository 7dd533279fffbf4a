import type { Driver, ModelOptions, NativeApi, NativeRoute, Target } from '../../driver.js'
import { ChatError } from '../../errors.js'
import { errorAnswer, errorWithin } from '../../formats/error-body.js'
import { ChatReader } from '../../formats/chat-read.js'
import { ChunkTranslator } from '../../formats/chunk-translator.js'
import { isObject, type JsonObject } from '../../json.js'
import type { Quirks } from './quirks.js'
import { prepareBody } from './request.js'

/** What tells one server of OpenAI's API from another. What depends on the config is a function of it. */
export interface OpenAiServer {
  /** Kong's `model.provider`. */
  name: string
  /** `https://api.openai.com:443` */
  origin: string | ((options: ModelOptions) => string)
  /** What the paths, and a configured `upstream_path`, are below. */
  base?: (options: ModelOptions) => string
  chatPath: string | ((options: ModelOptions) => string)
  /** Where there is none, text completions go to the chat API. */
  completionsPath?: string | ((options: ModelOptions) => string)
  quirks?: Quirks | ((target: Target) => Quirks)
  headers?: (options: ModelOptions) => Record<string, string>
  /** The name in the body, where the server's is not the target's. */
  model?: (target: Target) => string
  /** The server's answers are not quite OpenAI's: they are read and written anew instead of passing as they are. */
  dialect?: boolean
}

/**
 * The driver of a provider that speaks OpenAI's API: requests and answers pass as they are.
 *
 * @example
 * const groq = openAiCompatible({
 *   name: 'groq',
 *   origin: 'https://api.groq.com:443',
 *   chatPath: '/openai/v1/chat/completions',
 *   quirks: { noMessageNames: true },
 * })
 */
export function openAiCompatible(server: OpenAiServer): Driver {
  const chat = nativeApi(server, 'llm/v1/chat', server.chatPath)
  return {
    name: server.name,
    origin: (options) => given(server.origin, options),
    request: (request, target) => {
      const { changed: _, added: __, ...prepared } = chat.request(request as JsonObject, target) // it came from JSON
      return prepared
    },
    response: (body, sink) => {
      if (isObject(body) && (Array.isArray(body.choices) || errorWithin(body) !== undefined)) {
        new ChatReader(sink, server.dialect).body(body)
      } else {
        sink.error(
          ChatError.untranslatable(`${server.name}://llm/v1/chat`, "'choices' not in llm/v1/chat response"),
        )
      }
    },
    error: errorAnswer,
    frames: (contentType) => (contentType === 'text/event-stream' ? 'sse' : undefined),
    stream: (sink) => new ChunkTranslator(new ChatReader(sink, server.dialect), sink),
    ...(server.dialect !== true && {
      native: {
        'llm/v1/chat': chat,
        ...(server.completionsPath !== undefined && {
          'llm/v1/completions': nativeApi(server, 'llm/v1/completions', server.completionsPath),
        }),
      },
    }),
  }
}

const NO_QUIRKS: Quirks = {}

function nativeApi(server: OpenAiServer, route: NativeRoute, path: OpenAiServer['chatPath']): NativeApi {
  return {
    request(body, target) {
      const { options } = target
      const base = server.base?.(options)
      const quirks = given(server.quirks ?? NO_QUIRKS, target)
      const prepared = prepareBody(body, target, route, quirks, server.model?.(target))
      return {
        origin: given(server.origin, options),
        path: (base ?? '') + given(path, options),
        base,
        headers: {
          'content-type': 'application/json',
          accept: target.stream ? 'text/event-stream' : 'application/json',
          ...server.headers?.(options),
        },
        body: prepared.body,
        changed: prepared.changed,
        added: prepared.added,
        dropped: prepared.dropped,
      }
    },
  }
}

/** A value, or what a function makes of the config. */
function given<Value extends object | string, From>(
  value: Value | ((from: From) => Value),
  from: From,
): Value {
  return typeof value === 'function' ? value(from) : value
}
