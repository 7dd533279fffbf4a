import type { ChatRequest } from './chat.js'
import type { ChatError } from './errors.js'
import type { Frame, FrameFormat } from './frames/frame.js'
import type { Spoken } from './frames/text-run.js'
import type { JsonObject } from './json.js'
import type { Sink } from './sink.js'

/** Kong's `config.model.options`, as far as drivers read it; names and units are Kong's. */
export interface ModelOptions {
  max_tokens?: number
  temperature?: number
  top_p?: number
  top_k?: number
  anthropic_version?: string
  upstream_url?: string
  upstream_path?: string
  [option: string]: unknown
}

/** What a request is for: the OpenAI endpoint that the client's route stands for. */
export type RouteType = 'llm/v1/chat' | 'llm/v1/completions' | 'preserve'

/** The model that one attempt goes to. */
export interface Target {
  /** The resolved model name: templates filled in, the client's own where the config names none. */
  model: string
  options: ModelOptions
  /** Whether the provider is to stream. */
  stream: boolean
}

/** A request to a provider, without credentials: `lib/credentials` adds those just before it goes out. */
export interface ProviderRequest {
  /** Scheme, host and port of the provider: `https://api.openai.com:443`. `upstream_url` replaces it. */
  origin: string
  /** Below the origin, every segment percent-encoded. `upstream_path` or a path in `upstream_url` replaces it. */
  path: string
  /** What a configured `upstream_path` goes below, part of `path` as well: Azure's `/openai/deployments/<id>`. */
  base?: string | undefined
  /** Lower-case names. `content-type` and `accept` are set for every provider. */
  headers: Record<string, string>
  body: JsonObject
  /** Paths of the client's fields that the provider cannot express: `messages[2].name`, `seed`. */
  dropped: string[]
}

/** An image that is only named by its URL, where the provider takes bytes. */
export interface RemoteImage {
  /** Where it stands: `messages[0].content[1].image_url.url`. */
  path: string
  url: string
  /** Puts the image itself, as a data URL, in the URL's place. */
  inline(dataUrl: string): void
}

/** Turns the frames of one streamed answer into calls of its sink. */
export interface StreamTranslator {
  /** Frames that were passed over because this driver does not know them. */
  readonly unknownFrames: number
  /** Tells what it said where it was one text and nothing else: the next ones may be like it (see `TextRun`). */
  frame(frame: Frame): Spoken | void
  /** The provider's body has ended, without a fault of the connection. */
  end(): void
}

/**
 * One provider's API: OpenAI's chat request in its words, its answers and errors in a sink's. Pure: no I/O, no clock
 * but `created`, no state between calls but in a `StreamTranslator`.
 */
export interface Driver {
  /** Kong's `model.provider`. */
  readonly name: string
  /** Where the provider's API is, for requests that pass as they are (`preserve`): `https://api.openai.com:443`. */
  origin(options: ModelOptions): string
  /**
   * A request that passes as it is, with what the provider wants in every request's path and headers (a version).
   * Absent: nothing.
   */
  preserve?(
    path: string,
    options: ModelOptions,
  ): Pick<ProviderRequest, 'path' | 'base'> & Partial<Pick<ProviderRequest, 'headers'>>
  /**
   * The images of a request that have to be fetched before `request`, which refuses them as they are. Absent: the provider
   * fetches images itself, or takes none.
   */
  remoteImages?(chat: ChatRequest): RemoteImage[]
  /** @throws ChatError 400 where the request is faulty or, faithfully, impossible. */
  request(chat: ChatRequest, target: Target): ProviderRequest
  /** A whole, unstreamed answer, or an error that came with a good status. Ends in `sink.done()` or `sink.error()`. */
  response(body: unknown, sink: Sink): void
  /** The provider's answer of an error status. `body` is parsed JSON where it was JSON, else text. */
  error(status: number, body: unknown): ChatError
  /** The wire format of a stream, by its content type without parameters; `undefined`: not one of this provider's. */
  frames(contentType: string): FrameFormat | undefined
  stream(sink: Sink): StreamTranslator
  /** The client formats that this provider speaks itself: their bytes pass untouched both ways. */
  readonly native?: Partial<Record<NativeRoute, NativeApi>>
}

export type NativeRoute = Exclude<RouteType, 'preserve'>

/** A request in the client's own format. */
export interface NativeRequest extends ProviderRequest {
  /** False if the client's own bytes can go out. */
  changed: boolean
  /** Fields that the client's body lacks, where they are all that changes: its own bytes can go out with these behind them. */
  added?: JsonObject | undefined
}

/** An API of the provider in the client's own format. */
export interface NativeApi {
  /** The client's body with what config and target change in it. */
  request(body: JsonObject, target: Target): NativeRequest
}
