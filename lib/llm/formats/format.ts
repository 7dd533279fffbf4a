import type { ChatRequest } from '../chat.js'
import type { JsonObject } from '../json.js'
import type { Sink } from '../sink.js'
import type { AnswerSink, SinkOptions } from './answer-sink.js'

/** A sink that writes the events of a stream. */
export interface StreamSink extends AnswerSink {
  /** The events written since the last call; `''` if none. */
  take(): string
}

/** A sink that writes one object. */
export interface WholeSink extends AnswerSink {
  /** The answer's object; complete once the sink has `ended`. */
  body(): JsonObject
}

/** A client's request, in the words that every driver reads. */
export interface Decoded {
  chat: ChatRequest
  /** Paths of the fields that no chat request can express. */
  dropped: string[]
}

/** A format that clients speak: the one place that knows how to read and write it. */
export interface ClientFormat {
  /** Kong's checks of any request. What only the provider can judge stays unjudged. @throws ChatError 400 */
  check(body: JsonObject): void
  /** For providers of another format: everything that a driver relies on. @throws ChatError 400 */
  decode(body: JsonObject): Decoded
  stream(options: SinkOptions): StreamSink
  whole(options: SinkOptions): WholeSink
  /** Reads the format's own answers, of providers that speak it, into any sink. */
  reader(sink: Sink): AnswerReader
}

export interface AnswerReader {
  /** One chunk of a stream. False if nothing in it is known. */
  chunk(chunk: JsonObject): boolean
  /** A whole answer. */
  body(body: JsonObject): void
}
