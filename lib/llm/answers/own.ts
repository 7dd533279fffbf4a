import type { Answer } from '../answer.js'
import type { Driver } from '../driver.js'
import { WatchSink } from '../formats/watch-sink.js'
import type { JsonObject } from '../json.js'
import { counting } from './counting.js'
import { BodyIntake, FrameIntake } from './intake.js'
import { isJsonType, MAX_WATCHED_BYTES } from './preserved.js'
import { SinkWatch } from './sink-watch.js'
import { UntouchedAnswer } from './untouched.js'

export interface OwnAnswerOptions {
  driver: Driver
  stream: boolean
  /** The provider's; `''` if it sent none. */
  contentType: string
  /** The model that was asked. */
  model: string
  /** The client's request. */
  prompt: () => JsonObject
}

/**
 * A good answer in its provider's own format, which the client speaks, too: it passes untouched, and the provider's driver
 * reads along for usage, model and finish.
 */
export function ownAnswer({ driver, stream, contentType, model, prompt }: OwnAnswerOptions): Answer {
  const { said, count } = counting({ provider: driver.name, model, prompt, form: 'other' })
  const sink = new WatchSink({ model, said }, true)
  const type = contentType.split(';', 1)[0]!.trim().toLowerCase()
  const frames = stream || !isJsonType(type) ? driver.frames(type) : undefined
  const intake = frames
    ? new FrameIntake(frames, driver.stream(sink))
    : new BodyIntake((json) => driver.response(json, sink), MAX_WATCHED_BYTES)
  return new UntouchedAnswer(new SinkWatch(sink, intake, count))
}
