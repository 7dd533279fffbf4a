import type { AnswerFacts } from '../answer.js'
import { SseReader } from '../frames/sse.js'
import { isObject, parseJson, type Json } from '../json.js'
import { readUsage } from '../usage.js'
import { BodyIntake } from './intake.js'
import { UntouchedAnswer, type AnswerWatch } from './untouched.js'

/** What is kept of a body to look for its usage; a larger one goes through unread. */
export const MAX_WATCHED_BYTES = 8 * 1024 * 1024

/**
 * An answer of whatever API that passes untouched. Where it is JSON or an event stream, what it says of usage, id and model
 * as OpenAI's APIs would say it is noted.
 */
export class PreservedAnswer extends UntouchedAnswer {
  /** `type` is a content type without parameters. */
  constructor(type: string) {
    super(new UsageWatch(type))
  }
}

class UsageWatch implements AnswerWatch {
  readonly facts: AnswerFacts = { finishReasons: [], frames: 0, unknownFrames: 0 }
  private readonly reader: { push(bytes: Uint8Array): void; end(): void } | undefined

  constructor(type: string) {
    if (type === 'text/event-stream') this.reader = new SseReader(({ data }) => this.note(parseJson(data)))
    if (isJsonType(type)) this.reader = new BodyIntake((json) => this.note(json), MAX_WATCHED_BYTES)
  }

  push(bytes: Uint8Array): void {
    this.reader?.push(bytes)
  }

  end(): void {
    this.reader?.end()
  }

  /** Usage stands at the top, or below `response` in the events of OpenAI's responses API. */
  private note(json: Json | undefined): void {
    this.facts.frames++
    if (!isObject(json)) return
    const body = isObject(json.response) ? json.response : json
    const usage = readUsage(body.usage)
    if (usage !== undefined) this.facts.usage = usage
    if (typeof body.id === 'string') this.facts.id = body.id
    if (typeof body.model === 'string') this.facts.model = body.model
  }
}

export function isJsonType(type: string): boolean {
  return type === 'application/json' || type.endsWith('+json')
}
