import type { NativeRoute } from '../driver.js'
import { DONE_EVENT, errorEvent } from '../formats/event-sink.js'
import type { AnswerReader } from '../formats/format.js'
import { formats } from '../formats/index.js'
import { readData } from '../formats/read-data.js'
import { WatchSink } from '../formats/watch-sink.js'
import { SseCutter } from '../frames/sse-cutter.js'
import type { JsonObject } from '../json.js'
import { readUsage } from '../usage.js'
import { BodyIntake, type Intake } from './intake.js'
import { readNativeBody } from './native-body.js'
import { Outbox } from './outbox.js'
import { SinkAnswer } from './sink-answer.js'

/**
 * A stream in the client's own format: its events pass as the provider wrote them, comments among them, and are only
 * read. Ours are the usage chunk that the client did not ask for (it stays here), the error event, and the end: one
 * `[DONE]`, also where a provider leaves it out after it finished every choice.
 */
export class PassthroughStream extends SinkAnswer<WatchSink> {
  private readonly outbox: Outbox
  private closed = false

  constructor(route: NativeRoute, includeUsage: boolean) {
    const sink = new WatchSink()
    const outbox = new Outbox()
    super(sink, new PassthroughIntake(formats[route].reader(sink), sink, outbox, includeUsage), 'delta')
    this.outbox = outbox
  }

  protected output(): Buffer | undefined {
    if (this.sink.isOver && !this.closed) {
      this.closed = true
      this.outbox.add(Buffer.from(this.error === undefined ? DONE_EVENT : errorEvent(this.error)))
    }
    return this.outbox.take()
  }
}

/** A hot path: runs for each event of each stream that passes. */
class PassthroughIntake implements Intake {
  frames = 0
  unknownFrames = 0
  private readonly cutter = new SseCutter((raw, data) => this.event(raw, data))

  constructor(
    private readonly reader: AnswerReader,
    private readonly sink: WatchSink,
    private readonly outbox: Outbox,
    private readonly includeUsage: boolean,
  ) {}

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
    this.frames++
    const chunk = readData(data)
    if (chunk === 'done') {
      this.sink.done()
    } else if (chunk === 'unknown') {
      this.unknownFrames++ // no JSON: it would break the client's parser
    } else {
      if (!this.reader.chunk(chunk)) this.unknownFrames++
      if (!this.sink.isOver && (this.includeUsage || !isUsageChunk(chunk))) this.outbox.add(raw)
    }
  }
}

/** The chunk that exists for its usage only. */
function isUsageChunk({ choices, usage }: JsonObject): boolean {
  return Array.isArray(choices) && choices.length === 0 && readUsage(usage) !== undefined
}

/** A whole answer in the client's own format: its bytes pass, if they are one. */
export class PassthroughBody extends SinkAnswer<WatchSink> {
  private bytes: Buffer | undefined

  constructor(route: NativeRoute, provider: string) {
    const sink = new WatchSink({ lenient: true })
    const intake = new BodyIntake((json, bytes) => {
      readNativeBody(json, sink, route, provider)
      this.bytes = bytes
    })
    super(sink, intake, 'end')
  }

  protected output(): Buffer | undefined {
    const { bytes } = this
    this.bytes = undefined
    return bytes
  }
}
