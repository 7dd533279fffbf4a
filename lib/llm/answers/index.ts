import type { Answer } from '../answer.js'
import type { Driver, NativeRoute, RouteType } from '../driver.js'
import { ChatError } from '../errors.js'
import type { AnswerSink } from '../formats/answer-sink.js'
import { formats } from '../formats/index.js'
import { ChunkTranslator } from '../formats/chunk-translator.js'
import { BodyIntake, FrameIntake, type Intake } from './intake.js'
import { readNativeBody } from './native-body.js'
import { PassthroughBody, PassthroughStream } from './passthrough.js'
import { isJsonType, PreservedAnswer } from './preserved.js'
import { TranslatedBody, TranslatedStream } from './translated.js'

const EVENT_STREAM = 'text/event-stream'

export interface AnswerOptions {
  driver: Driver
  route: RouteType
  /** The request went out in the client's own format (`Driver.native`), so the answer should come in it. */
  native: boolean
  /** The client is to get a stream. */
  stream: boolean
  /** The provider's `content-type`; `''` if it sent none. */
  contentType: string
  /** The model that was asked. */
  model: string
  /** The client asked for the usage chunk of a stream. */
  includeUsage: boolean
}

/**
 * The way from a provider's good answer (a 2xx status) to the client's. What the provider sends decides how it is read
 * (one that ignores `stream` answers whole, another streams unasked), what the client asked decides how it is written.
 * Never throws: an answer that cannot be read has `failed` from the start.
 */
export function createAnswer(options: AnswerOptions): Answer {
  const { driver, route, native, stream, includeUsage } = options
  const type = typeOf(options)
  if (route === 'preserve') return new PreservedAnswer(type)
  if (native && stream && type === EVENT_STREAM) return new PassthroughStream(route, includeUsage)
  if (native && !stream && type !== EVENT_STREAM) return new PassthroughBody(route, driver.name)
  const format = formats[route]
  if (stream) {
    const sink = format.stream(options)
    const answer = new TranslatedStream(sink, intakeOf(type, sink, route, options))
    if (driver.frames(type) === undefined && !isJsonType(type)) answer.fail(unexpectedType(type))
    return answer
  }
  const sink = format.whole(options)
  return new TranslatedBody(sink, intakeOf(type, sink, route, options))
}

/** Without parameters. A stream that does not say its type is taken for what nearly all are. */
function typeOf({ contentType, route, stream }: AnswerOptions): string {
  const type = contentType.split(';', 1)[0]!.trim().toLowerCase()
  return type === '' && stream && route !== 'preserve' ? EVENT_STREAM : type
}

function unexpectedType(type: string): ChatError {
  return ChatError.badUpstream(
    `the provider answered with ${type} instead of a stream`,
    'unexpected_content_type',
  )
}

/** The type decides how an answer is read: as frames, or collected as a whole. */
function intakeOf(type: string, sink: AnswerSink, route: NativeRoute, options: AnswerOptions): Intake {
  const { driver, native, stream } = options
  const frames = stream || !isJsonType(type) ? driver.frames(type) : undefined
  if (frames !== undefined) {
    const translator = native ? new ChunkTranslator(formats[route].reader(sink), sink) : driver.stream(sink)
    return new FrameIntake(frames, translator)
  }
  return new BodyIntake((json) => {
    if (native || json === undefined) readNativeBody(json, sink, route, driver.name)
    else driver.response(json, sink)
  })
}
