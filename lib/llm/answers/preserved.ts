import type { Answer, AnswerFacts } from '../answer.js'
import type { ChatError } from '../errors.js'
import { SseReader } from '../frames/sse.js'
import { isObject, parseJson, type Json } from '../json.js'
import { readUsage } from '../usage.js'
import { BodyIntake } from './intake.js'
import { Outbox } from './outbox.js'

/** What is kept of a body to look for its usage; a larger one goes through unread. */
const MAX_WATCHED_BYTES = 8 * 1024 * 1024

/**
 * An answer of whatever API that passes untouched, the first byte at once. Where it is JSON or an event stream, what it
 * says of usage, id and model is noted; what cannot be read is not, and harms nothing. Its failure shows in `state` and
 * `error` alone: no event of ours would fit a format that we do not know.
 */
export class PreservedAnswer implements Answer {
  state: Answer['state'] = 'held'
  error: ChatError | undefined
  readonly facts: AnswerFacts = { finishReasons: [], frames: 0, unknownFrames: 0 }
  private readonly outbox = new Outbox()
  private watch: { push(bytes: Uint8Array): void; end(): void } | undefined

  /** `type` is a content type without parameters. */
  constructor(type: string) {
    if (type === 'text/event-stream') this.watch = new SseReader(({ data }) => this.note(parseJson(data)))
    if (isJsonType(type)) this.watch = new BodyIntake((json) => this.note(json), MAX_WATCHED_BYTES)
  }

  push(bytes: Uint8Array): void {
    if (this.isOver() || bytes.length === 0) return
    this.state = 'open'
    this.outbox.add(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))
    this.watching((watch) => watch.push(bytes))
  }

  end(): void {
    if (this.isOver()) return
    this.state = 'done'
    this.watching((watch) => watch.end())
  }

  fail(error: ChatError): void {
    if (this.isOver()) return
    this.state = 'failed'
    this.error = error
  }

  release(): void {}

  read(): Buffer | undefined {
    return this.outbox.take()
  }

  private isOver(): boolean {
    return this.state === 'done' || this.state === 'failed'
  }

  private watching(step: (watch: NonNullable<typeof this.watch>) => void): void {
    if (this.watch === undefined) return
    try {
      step(this.watch)
    } catch {
      this.watch = undefined
    }
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
