import { AnswerSink, type SinkOptions } from './answer-sink.js'

/** `lenient`: an answer is whole whatever it says of its choices. */
type WatchOptions = SinkOptions & { lenient?: boolean }

/** Keeps the record of an answer whose bytes pass untouched, and writes nothing. */
export class WatchSink extends AnswerSink {
  protected readonly idPrefix = ''

  constructor(private readonly watch: WatchOptions) {
    super(watch)
  }

  protected override isComplete(): boolean {
    return this.watch.lenient === true || super.isComplete()
  }

  protected writeChoice(): void {}
  protected writeText(): void {}
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
