import type { Answer } from '../answer.js'
import type { StreamTranslator } from '../driver.js'
import type { AnswerReader } from '../formats/format.js'
import { formats } from '../formats/index.js'
import { isText, readMeta } from '../formats/read.js'
import { WatchSink } from '../formats/watch-sink.js'
import type { Frame } from '../frames/frame.js'
import { isObject, parseJson, type Json, type JsonObject } from '../json.js'
import { readUsage } from '../usage.js'
import { counting } from './counting.js'
import { BodyIntake, FrameIntake, type Intake } from './intake.js'
import { SinkWatch } from './sink-watch.js'
import { UntouchedAnswer } from './untouched.js'

/** What is kept of a body to look for its usage; a larger one goes through unread. */
export const MAX_WATCHED_BYTES = 8 * 1024 * 1024

export interface PreservedAnswerOptions {
  /** The driver's name. */
  provider: string
  /** A content type without parameters. */
  type: string
  /** The model that was asked. */
  model: string
  /** The client's request. */
  prompt: () => JsonObject
}

/**
 * An answer of whatever API that passes untouched. Where it is JSON or an event stream, what it says as OpenAI's APIs would say
 * it is noted: usage, id, model, and the text, from which usage is counted where there is none.
 */
export function preservedAnswer({ provider, type, model, prompt }: PreservedAnswerOptions): Answer {
  const { messages, prompt: text } = prompt()
  const isOpenai = Array.isArray(messages) || text !== undefined
  const { said, count } = counting({ provider, model, prompt, form: isOpenai ? 'openai' : 'other' })
  const sink = new WatchSink({ model, said }, true)
  return new UntouchedAnswer(new SinkWatch(sink, intakeOf(type, new AnyReader(sink)), count))
}

function intakeOf(type: string, reader: AnyReader): Intake {
  if (type === 'text/event-stream') return new FrameIntake('sse', reader)
  if (isJsonType(type)) return new BodyIntake((json) => reader.note(json), MAX_WATCHED_BYTES)
  return UNREAD
}

const UNREAD: Intake = { frames: 0, unknownFrames: 0, push() {}, end() {} }

/** Pieces of what a model says in the events of OpenAI's responses API. */
const RESPONSE_DELTA =
  /^response\.(?:output_text|refusal|function_call_arguments|custom_tool_call_input|(reasoning)(?:_summary)?_text)\.delta$/

class AnyReader implements StreamTranslator {
  readonly unknownFrames = 0
  private reader: AnswerReader | undefined

  constructor(private readonly sink: WatchSink) {}

  frame({ data }: Frame): void {
    this.note(parseJson(data))
  }

  end(): void {}

  /** A whole answer, or an event of a stream. */
  note(json: Json | undefined): void {
    if (!isObject(json)) return
    if (Array.isArray(json.choices)) {
      this.reader ??= formats[
        json.object === 'text_completion' ? 'llm/v1/completions' : 'llm/v1/chat'
      ].reader(this.sink)
      this.reader.chunk(json)
      return
    }
    this.delta(json)
    // Id, model and usage stand at the top, or below `response` in the events of the responses API.
    const body = isObject(json.response) ? json.response : json
    const meta = readMeta(body)
    if (meta.id !== undefined || meta.model !== undefined) this.sink.start(meta)
    const usage = readUsage(body.usage)
    if (usage !== undefined) this.sink.usage(usage)
  }

  private delta({ type, delta }: JsonObject): void {
    const found = typeof type === 'string' && isText(delta) ? RESPONSE_DELTA.exec(type) : null
    if (found === null || !isText(delta)) return
    if (found[1] === undefined) this.sink.text(0, delta)
    else this.sink.reasoning(0, delta)
  }
}

export function isJsonType(type: string): boolean {
  return type === 'application/json' || type.endsWith('+json')
}
