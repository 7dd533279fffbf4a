import { AnswerSink, type SinkOptions } from './answer-sink.js'

/** Keeps the record of an answer whose bytes pass untouched, and writes nothing. */
export class WatchSink extends AnswerSink {
  protected readonly idPrefix = ''

  /** @param lenient an answer is whole whatever it says of its choices */
  constructor(
    options: SinkOptions,
    private readonly lenient = false,
  ) {
    super(options)
  }

  protected override isComplete(): boolean {
    return this.lenient || super.isComplete()
  }

  protected writeChoice(): void {}
  protected writeText(): void {}
  protected override writeTexts(): void {}
  protected writeRefusal(): void {}
  protected writeReasoning(): void {}
  protected writeToolStart(): void {}
  protected writeToolArgs(): void {}
  protected writeLogprobs(): void {}
  protected writeExtra(): void {}
  protected writeFinish(): void {}
  protected writeEnd(): void {}
  protected writeError(): void {}
}
