import type { NativeRoute } from '../driver.js'
import type { SinkOptions } from '../formats/answer-sink.js'
import { chunkHead, DONE_EVENT, errorEvent, usageEvent } from '../formats/event-sink.js'
import type { AnswerReader } from '../formats/format.js'
import { formats } from '../formats/index.js'
import { readData } from '../formats/read-data.js'
import { WatchSink } from '../formats/watch-sink.js'
import { SseCutter } from '../frames/sse-cutter.js'
import { TextRun } from '../frames/text-run.js'
import { MAX_FRAME_BYTES } from '../frames/frame.js'
import { isObject, type JsonObject } from '../json.js'
import { BodyIntake, type Intake } from './intake.js'
import { readNativeBody } from './native-body.js'
import { onlyText } from '../formats/only-text.js'
import { Outbox } from './outbox.js'
import { type CountUsage, SinkAnswer } from './sink-answer.js'

/**
 * A stream in the client's own format: its events pass as the provider wrote them, comments among them, and are only
 * read. Ours are the usage chunk (one that the client did not ask for stays here, one that it asked for and the provider
 * did not send is made), the error event, and the end: one `[DONE]`, also where a provider leaves it out after it
 * finished every choice.
 */
export class PassthroughStream extends SinkAnswer<WatchSink> {
  private readonly passing: PassthroughIntake
  private closed = false

  constructor(
    private readonly route: NativeRoute,
    private readonly options: SinkOptions,
    count?: CountUsage,
  ) {
    const sink = new WatchSink(options)
    const passing = new PassthroughIntake(
      formats[route].reader(sink),
      sink,
      new Outbox(),
      options.includeUsage === true,
    )
    super(sink, passing, 'delta', count)
    this.passing = passing
  }

  protected output(): Buffer | undefined {
    const { passing, sink } = this
    if ((sink.state === 'ended' || sink.state === 'failed') && !this.closed) {
      this.closed = true
      this.addEnd(passing.outbox)
    }
    return passing.outbox.take()
  }

  private addEnd(outbox: Outbox): void {
    if (this.error !== undefined && this.options.plain !== undefined) return
    this.sink.events++
    outbox.add(Buffer.from(this.error === undefined ? this.lastEvents() : errorEvent(this.error)))
  }

  private lastEvents(): string {
    const { totalUsage, identity } = this.sink
    const owed = this.options.includeUsage === true && !this.passing.usagePassed
    if (!owed || totalUsage === undefined || identity === undefined) return DONE_EVENT
    this.sink.events++
    return usageEvent(chunkHead(CHUNK_OBJECTS[this.route], identity), totalUsage) + DONE_EVENT
  }
}

const CHUNK_OBJECTS: Readonly<Record<NativeRoute, string>> = {
  'llm/v1/chat': 'chat.completion.chunk',
  'llm/v1/completions': 'text_completion',
}

/** A hot path: runs for each read of each stream that passes, and for each event that is not of a run. */
class PassthroughIntake implements Intake {
  unknownFrames = 0
  /** The client has its usage chunk. */
  usagePassed = false
  private parsed = 0
  private readonly run = new TextRun(true)
  private readonly cutter = new SseCutter(
    (raw, data) => this.event(raw, data),
    MAX_FRAME_BYTES,
    (read, text, at) => this.skip(read, text, at),
  )

  constructor(
    private readonly reader: AnswerReader,
    private readonly sink: WatchSink,
    readonly outbox: Outbox,
    private readonly includeUsage: boolean,
  ) {}

  get frames(): number {
    return this.parsed + this.run.frames
  }

  push(bytes: Uint8Array): void {
    this.cutter.push(bytes)
  }

  end(): void {
    this.cutter.end()
  }

  private event(raw: Buffer, data: string | undefined): void {
    if (this.sink.isOver) return
    if (data === undefined) {
      this.outbox.add(raw)
      return
    }
    this.parsed++
    const chunk = readData(data)
    if (chunk === 'done') {
      this.sink.done()
    } else if (chunk === 'unknown') {
      this.unknownFrames++ // no JSON: it would break the client's parser
    } else {
      if (!this.reader.chunk(chunk)) this.unknownFrames++
      if (this.sink.isOver) return
      if (!isUsageChunk(chunk)) {
        this.pass(raw)
        const spoken = onlyText(chunk, this.sink)
        this.run.hear(spoken)
        this.run.learn(spoken ? raw.toString('latin1') : '')
      } else if (this.includeUsage && this.sink.lastUsage !== undefined) {
        this.usagePassed = true
        this.pass(raw)
      }
    }
  }

  /** The events of a run pass as one piece. */
  private skip(read: Buffer, text: string, at: number): number {
    if (this.sink.isOver) return at
    const before = this.run.frames
    const end = this.run.skip(text, at)
    this.sink.events += this.run.frames - before
    // A view costs more than all else that is done for a frame.
    if (end > at) this.outbox.add(end - at === read.length ? read : read.subarray(at, end))
    return end
  }

  private pass(raw: Buffer): void {
    this.sink.events++
    this.outbox.add(raw)
  }
}

/** The chunk that exists for its usage only. */
function isUsageChunk({ choices, usage }: JsonObject): boolean {
  return Array.isArray(choices) && choices.length === 0 && isObject(usage)
}

/** A whole answer in the client's own format: its bytes pass, if they are one, with the usage that they may lack. */
export class PassthroughBody extends SinkAnswer<WatchSink> {
  private body: { json: JsonObject; bytes: Buffer } | undefined

  constructor(route: NativeRoute, provider: string, options: SinkOptions, count?: CountUsage) {
    const sink = new WatchSink(options, true)
    const intake = new BodyIntake((json, bytes) => {
      readNativeBody(json, sink, route, provider)
      if (isObject(json)) this.body = { json, bytes }
    })
    super(sink, intake, 'end', count)
  }

  protected output(): Buffer | undefined {
    const { body, sink } = this
    this.body = undefined
    if (body === undefined || !sink.estimated) return body?.bytes
    return Buffer.from(JSON.stringify({ ...body.json, usage: sink.lastUsage }))
  }
}
