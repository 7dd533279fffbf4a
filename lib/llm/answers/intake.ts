import { asBuffer } from '../bytes.js'
import type { StreamTranslator } from '../driver.js'
import { ChatError } from '../errors.js'
import type { FrameFormat, FrameReader } from '../frames/frame.js'
import { frameReaders } from '../frames/index.js'
import { TextRun } from '../frames/text-run.js'
import { parseJson, type Json } from '../json.js'

/** How a provider's bytes become calls of a sink. Throws what its readers and translators throw. */
export interface Intake {
  readonly frames: number
  readonly unknownFrames: number
  push(bytes: Uint8Array): void
  end(): void
}

/** A streamed answer: each frame goes to the translator in the call that completed it. */
export class FrameIntake implements Intake {
  private size = 0
  private parsed = 0
  private readonly run
  private readonly reader: FrameReader

  constructor(
    format: FrameFormat,
    private readonly translator: StreamTranslator,
    /** Of a stream that is collected into a whole answer. */
    private readonly maxBytes = Infinity,
  ) {
    this.run = new TextRun(format === 'aws-event-stream')
    this.reader = frameReaders[format]((frame) => {
      this.parsed++
      this.run.hear(translator.frame(frame) ?? undefined)
    }, this.run)
  }

  get frames(): number {
    return this.parsed + this.run.frames
  }

  get unknownFrames(): number {
    return this.translator.unknownFrames
  }

  push(bytes: Uint8Array): void {
    this.size += bytes.length
    if (this.size > this.maxBytes) throw answerTooLarge(this.maxBytes)
    this.reader.push(bytes)
  }

  end(): void {
    this.reader.end()
    this.translator.end()
  }
}

/** What a whole answer may hold: several images or minutes of speech, an end to a body that has none. */
export const MAX_BODY_BYTES = 64 * 1024 * 1024

/** A whole answer: collected, then read at once. `json` is `undefined` where the bytes are no JSON. */
export class BodyIntake implements Intake {
  frames = 0
  readonly unknownFrames = 0
  private readonly pieces: Uint8Array[] = []
  private size = 0

  constructor(
    private readonly handle: (json: Json | undefined, bytes: Buffer) => void,
    private readonly maxBody = MAX_BODY_BYTES,
  ) {}

  push(bytes: Uint8Array): void {
    this.size += bytes.length
    if (this.size > this.maxBody) {
      this.pieces.length = 0
      throw answerTooLarge(this.maxBody)
    }
    this.pieces.push(bytes)
  }

  end(): void {
    const [first] = this.pieces
    const bytes =
      first !== undefined && this.pieces.length === 1 ? asBuffer(first) : Buffer.concat(this.pieces)
    this.pieces.length = 0
    this.frames = 1
    const text = bytes.toString('utf8')
    this.handle(parseJson(text.startsWith('\uFEFF') ? text.slice(1) : text), bytes)
  }
}

function answerTooLarge(limit: number): ChatError {
  return ChatError.badUpstream(`the provider's answer is larger than ${limit} bytes`, 'answer_too_large')
}
