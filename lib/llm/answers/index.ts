import type { Answer } from '../answer.js'
import type { Driver, NativeRoute, RouteType } from '../driver.js'
import { ChatError } from '../errors.js'
import type { AnswerSink, SinkOptions } from '../formats/answer-sink.js'
import { formats } from '../formats/index.js'
import { ChunkTranslator } from '../formats/chunk-translator.js'
import { counting, type Counting } from './counting.js'
import { BodyIntake, FrameIntake, type Intake, MAX_BODY_BYTES } from './intake.js'
import { readNativeBody } from './native-body.js'
import { PassthroughBody, PassthroughStream } from './passthrough.js'
import { isJsonType, preservedAnswer } from './preserved.js'
import type { JsonObject } from '../json.js'
import { type Begun, PlainText } from '../unfinished.js'
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
  /** The client's request, from which usage is counted that the provider does not send. Absent: nothing is. */
  prompt?: () => JsonObject
  /** The stream may be taken up where it fails: `Answer.unfinished`. */
  resumable?: boolean
  /** The stream takes another one up. */
  begun?: Begun | undefined
}

/**
 * The way from a provider's good answer (a 2xx status) to the client's. What the provider sends decides how it is read
 * (one that ignores `stream` answers whole, another streams unasked), what the client asked decides how it is written.
 * Never throws: an answer that cannot be read has `failed` from the start.
 */
export function createAnswer(options: AnswerOptions): Answer {
  const { driver, route, native, stream } = options
  const type = typeOf(options)
  if (route === 'preserve') {
    const { model, prompt = () => ({}) } = options
    return preservedAnswer({ provider: driver.name, type, model, prompt })
  }
  const ours = countingOf(route, options)
  const count = ours?.count
  const sinkOptions: SinkOptions = {
    model: options.model,
    includeUsage: options.includeUsage,
    said: ours?.said,
    countsAtEnd: ours !== undefined && (!stream || options.includeUsage),
    plain: stream && options.resumable ? new PlainText() : undefined,
    begun: options.begun,
  }
  // Its own chunks would say another id and a role again.
  const passes = native && options.begun === undefined
  if (passes && stream && type === EVENT_STREAM) return new PassthroughStream(route, sinkOptions, count)
  if (native && !stream && type !== EVENT_STREAM) {
    return new PassthroughBody(route, driver.name, sinkOptions, count)
  }
  const format = formats[route]
  if (stream) {
    const sink = format.stream(sinkOptions)
    const answer = new TranslatedStream(sink, intakeOf(type, sink, route, options), count)
    if (driver.frames(type) === undefined && !isJsonType(type)) answer.fail(unexpectedType(type))
    return answer
  }
  const sink = format.whole(sinkOptions)
  return new TranslatedBody(sink, intakeOf(type, sink, route, options), count)
}

/**
 * Usage is the provider's own, or counted when the answer is over: before its end if the client is to have it (in a whole
 * answer, or in the last chunk of a stream), else when `Answer.countUsage` asks. Until then an answer only keeps
 * what it says, and nothing loads a tokenizer.
 */
function countingOf(
  route: NativeRoute,
  { driver, model, native, prompt }: AnswerOptions,
): Counting | undefined {
  if (prompt === undefined) return undefined
  const form = route === 'llm/v1/completions' && !native ? 'framed' : 'openai'
  return counting({ provider: driver.name, model, prompt, form })
}

/** Without parameters. A stream that does not say its type is taken for what nearly all are. */
function typeOf({ contentType, route, stream }: AnswerOptions): string {
  const mark = contentType.indexOf(';')
  const type = (mark < 0 ? contentType : contentType.slice(0, mark)).trim().toLowerCase()
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
    return new FrameIntake(frames, translator, stream ? Infinity : MAX_BODY_BYTES)
  }
  return new BodyIntake((json) => {
    if (native || json === undefined) readNativeBody(json, sink, route, driver.name)
    else driver.response(json, sink)
  })
}
