import type { Answer, AnswerFacts } from '../answer.js'
import type { Driver } from '../driver.js'
import { WatchSink } from '../formats/watch-sink.js'
import { BodyIntake, FrameIntake, type Intake } from './intake.js'
import { isJsonType, MAX_WATCHED_BYTES } from './preserved.js'
import { UntouchedAnswer, type AnswerWatch } from './untouched.js'

/**
 * A good answer in its provider's own format, which the client speaks, too: it passes untouched, and the provider's driver
 * reads along for usage, model and finish.
 *
 * @param contentType the provider's; `''` if it sent none
 */
export function ownAnswer(driver: Driver, stream: boolean, contentType: string): Answer {
  return new UntouchedAnswer(new DriverWatch(driver, stream, contentType))
}

class DriverWatch implements AnswerWatch {
  private readonly sink = new WatchSink({ model: '', lenient: true })
  private readonly intake: Intake

  constructor(driver: Driver, stream: boolean, contentType: string) {
    const type = contentType.split(';', 1)[0]!.trim().toLowerCase()
    const frames = stream || !isJsonType(type) ? driver.frames(type) : undefined
    this.intake = frames
      ? new FrameIntake(frames, driver.stream(this.sink))
      : new BodyIntake((json) => driver.response(json, this.sink), MAX_WATCHED_BYTES)
  }

  get facts(): AnswerFacts {
    const { id, model, lastUsage, finishReasons } = this.sink
    const { frames, unknownFrames } = this.intake
    return {
      ...(id !== undefined && { id }),
      ...(model !== undefined && { model }),
      ...(lastUsage !== undefined && { usage: lastUsage }),
      finishReasons,
      frames,
      unknownFrames,
    }
  }

  push(bytes: Uint8Array): void {
    this.intake.push(bytes)
  }

  end(): void {
    this.intake.end()
  }
}
