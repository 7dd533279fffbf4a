import type { Driver, ModelOptions } from '../driver.js'
import { encodeSegment } from '../endpoint.js'
import { ChatError } from '../errors.js'
import { anthropic } from './anthropic/index.js'
import { bedrock } from './bedrock/index.js'
import { cohere } from './cohere/index.js'
import { gemini } from './gemini/index.js'
import { modelsPath } from './gemini/request.js'
import { huggingface } from './huggingface/index.js'
import { llama2Driver } from './llama2/index.js'

/** What the address of a request in a provider's own format asks for. */
export interface OwnOperation {
  name: string
  /** Decoded. `undefined`: the address names none. */
  model: string | undefined
  /** `undefined`: the body says. */
  stream: boolean | undefined
}

/** A provider's API for clients that speak its own format, Kong's `llm_format`: bodies and answers pass as they are. */
export interface OwnApi {
  /** Where requests name their model. */
  readonly modelIn: 'path' | 'body' | 'neither'
  /**
   * Reads a client's address: the route's captures `model` and `operation`, else how the path ends, else the usual.
   *
   * @throws ChatError 400 for names that no operation or model can have
   */
  operation(path: string, captures: Readonly<Record<string, string>>): OwnOperation
  /** The provider's path, every segment encoded. */
  path(operation: string, model: string, options: ModelOptions): string
  /** Reads the operation's answers. */
  reader(operation: string): Driver
}

interface OwnApiFacts {
  modelIn: OwnApi['modelIn']
  reader: OwnApi['reader']
  path: OwnApi['path']
  /** How the path of a client ends, with the groups `operation` and, where the model is in the path, `model`. */
  address: RegExp
  /** All that an operation's name can be: the API has more of them than a gateway has to know. */
  names: RegExp
  /** What is meant where the address does not say. */
  usual: string
  /** The operations that stream. Where the model is not in the address, the body may say so of the others. */
  streams?: RegExp
}

function ownApi({ modelIn, address, names, usual, streams, path, reader }: OwnApiFacts): OwnApi {
  return {
    modelIn,
    operation(clientPath, captures) {
      const found = address.exec(clientPath)?.groups ?? {}
      const name = captures.operation ?? found.operation ?? usual
      if (!names.test(name)) throw ChatError.badRequest(`'${name}' is no operation of this API`)
      const model = captures.model ?? found.model
      const stream = streams?.test(name) || (modelIn === 'path' ? false : undefined)
      return { name, model: model && decoded(model), stream }
    },
    path,
    reader,
  }
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    throw ChatError.badRequest('the name of the model is not percent-encoded UTF-8', 'model')
  }
}

/** Hugging Face's text generation has the API that Llama 2 is served by. */
const textGeneration = llama2Driver({ llama2_format: 'raw' })

/** By Kong's `llm_format`, which is the provider's name. */
export const ownApis: ReadonlyMap<string, OwnApi> = new Map([
  [
    // https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations_Amazon_Bedrock_Runtime.html
    'bedrock',
    ownApi({
      modelIn: 'path',
      address: /\/model\/(?<model>.+)\/(?<operation>[^/]*)$/,
      names: /^[a-z]+(?:-[a-z]+)*$/,
      usual: 'converse',
      streams: /-stream$/,
      path: (operation, model) => `/model/${encodeSegment(model)}/${operation}`,
      reader: () => bedrock,
    }),
  ],
  [
    // https://ai.google.dev/api/all-methods
    'gemini',
    ownApi({
      modelIn: 'path',
      address: /\/models\/(?<model>[^/]+):(?<operation>[^/:]*)$/,
      names: /^[A-Za-z]+$/,
      usual: 'generateContent',
      streams: /^stream/,
      path: (operation, model, options) => `${modelsPath(options)}/${encodeSegment(model)}:${operation}`,
      reader: () => gemini,
    }),
  ],
  [
    // https://docs.claude.com/en/api/messages, /messages-count-tokens, /creating-message-batches
    'anthropic',
    ownApi({
      modelIn: 'body',
      address: /\/v1\/(?<operation>messages(?:\/[^/]+)*)$/,
      names: /^messages(?:\/[\w-]+)*$/,
      usual: 'messages',
      path: (operation) => `/v1/${operation}`,
      reader: () => anthropic,
    }),
  ],
  [
    // https://docs.cohere.com/reference/chat, /rerank, /embed
    'cohere',
    ownApi({
      modelIn: 'body',
      address: /\/(?<operation>v[12]\/[^/]+)$/,
      names: /^v[12]\/[\w-]+$/,
      usual: 'v2/chat',
      path: (operation) => `/${operation}`,
      reader: () => cohere,
    }),
  ],
  [
    // https://huggingface.github.io/text-generation-inference/
    'huggingface',
    ownApi({
      modelIn: 'neither',
      address: /\/(?<operation>generate|generate_stream|v1\/chat\/completions)$/,
      names: /^(?:generate|generate_stream|v1\/chat\/completions)$/,
      usual: 'generate',
      streams: /_stream$/,
      path: (operation) => `/${operation}`,
      reader: (operation) => (operation === 'v1/chat/completions' ? huggingface : textGeneration),
    }),
  ],
])
