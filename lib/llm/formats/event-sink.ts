import type { Usage } from '../chat.js'
import type { ChatError } from '../errors.js'
import type { Identity } from '../unfinished.js'
import { AnswerSink } from './answer-sink.js'

const json = JSON.stringify

/** Ends a good stream, and nothing else. */
export const DONE_EVENT = 'data: [DONE]\n\n'

/** The one event that ends a failed stream: OpenAI's error object, without an `event:` line. */
export function errorEvent(error: ChatError): string {
  return `data: ${JSON.stringify(error.toBody())}\n\n`
}

/** `data: {"id":...,"choices":[`: what all chunks of an answer begin with. */
export function chunkHead(object: string, identity: Identity): string {
  const { id, created, model, serviceTier, systemFingerprint } = identity
  const tier = serviceTier === undefined ? '' : `,"service_tier":${json(serviceTier)}`
  const print = systemFingerprint === undefined ? '' : `,"system_fingerprint":${json(systemFingerprint)}`
  return (
    `data: {"id":${json(id)},"object":"${object}","created":${json(created)},"model":${json(model)}` +
    `${tier}${print},"choices":[`
  )
}

/** The chunk that ends a stream whose client asked for usage. */
export function usageEvent(head: string, usage: Usage): string {
  return `${head}],"usage":${JSON.stringify(usage)}}\n\n`
}

/** Chunks that differ in one piece of JSON alone: what stands before and behind it, and between the pieces of two in a row. */
export interface ChunkForm {
  readonly before: string
  readonly after: string
  between: string | undefined
}

/** The text in one piece: one made of others is walked through again wherever it is put. */
function flat(text: string): string {
  return Buffer.from(text).toString()
}

/**
 * What the streams of OpenAI's formats have in common: the members that each chunk begins with, the usage chunk, the end.
 *
 * On the hot path of every translated stream, hence strings: what begins and ends a chunk is known at the start, and of a
 * chunk with text all but the text, so that a delta costs one escape and one concatenation.
 */
export abstract class EventSink extends AnswerSink {
  protected abstract readonly object: string
  private head = ''
  private readonly tail = this.options.includeUsage === true ? '],"usage":null}\n\n' : ']}\n\n'
  private pending = ''

  /** The events written since the last call; `''` if none. */
  take(): string {
    const events = this.pending
    this.pending = ''
    return events
  }

  /** One chunk with one choice, given as JSON. */
  protected chunk(choice: string): void {
    this.events++
    this.pending += this.head + choice + this.tail
  }

  /** Given what a choice has around its piece. */
  protected form(before: string, after: string): ChunkForm {
    return { before: flat(this.head + before), after: after + this.tail, between: undefined }
  }

  protected fill(form: ChunkForm, piece: string): void {
    this.events++
    this.pending += form.before + piece + form.after
  }

  /** A chunk for each piece. */
  protected fillAll(form: ChunkForm, pieces: readonly string[]): void {
    form.between ??= flat(form.after + form.before)
    this.events += pieces.length
    this.pending += form.before + pieces.join(form.between) + form.after
  }

  protected override writeTexts(choice: number, texts: readonly string[], _whole: string): void {
    for (const text of texts) this.writeText(choice, text)
  }

  protected override begin(identity: Identity): void {
    this.head = chunkHead(this.object, identity)
  }

  protected writeEnd(usage: Usage | undefined): void {
    if (this.options.includeUsage === true && usage !== undefined) {
      this.events++
      this.pending += usageEvent(this.head, usage)
    }
    this.events++
    this.pending += DONE_EVENT
  }

  protected writeError(error: ChatError): void {
    this.events++
    this.pending += errorEvent(error)
  }
}
