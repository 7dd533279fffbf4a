import type { AnswerFacts } from '../answer.js'
import type { WatchSink } from '../formats/watch-sink.js'
import type { Intake } from './intake.js'
import type { CountUsage } from './sink-answer.js'
import type { AnswerWatch } from './untouched.js'

/** Reads an answer into a sink for its facts, while its bytes pass untouched. */
export class SinkWatch implements AnswerWatch {
  constructor(
    private readonly sink: WatchSink,
    private readonly intake: Intake,
    private readonly count: CountUsage,
  ) {}

  get facts(): AnswerFacts {
    const { id, model, lastUsage, estimated, finishReasons, saidChars } = this.sink
    const { frames, unknownFrames } = this.intake
    return {
      ...(id !== undefined && { id }),
      ...(model !== undefined && { model }),
      ...(lastUsage !== undefined && { usage: lastUsage }),
      ...(estimated && { estimated }),
      finishReasons,
      frames,
      unknownFrames,
      ...(saidChars !== undefined && { saidChars }),
    }
  }

  push(bytes: Uint8Array): void {
    this.intake.push(bytes)
  }

  end(): void {
    this.intake.end()
  }

  /** Nothing is counted of what may be no model's answer. */
  async countUsage(): Promise<void> {
    const { sink, count } = this
    if (!sink.delta || sink.lastUsage !== undefined) return
    sink.counted(await count(sink).catch(() => undefined))
  }
}
