import type { StreamTranslator } from '../../driver.js'
import type { Frame } from '../../frames/frame.js'
import type { Spoken } from '../../frames/text-run.js'
import { isObject, parseJson } from '../../json.js'
import type { Sink } from '../../sink.js'
import { GenerateContentAnswer } from './answer.js'

/**
 * A streamed answer of streamGenerateContent. No event ends it: it is complete if every candidate has a finish reason
 * when the body ends.
 */
export class GenerateContentTranslator implements StreamTranslator {
  unknownFrames = 0
  readonly #answer: GenerateContentAnswer

  constructor(sink: Sink) {
    this.#answer = new GenerateContentAnswer(sink)
  }

  frame(frame: Frame): Spoken | void {
    const response = parseJson(frame.data)
    if (!isObject(response))
      return this.#answer.fail('gemini sent a frame that is not a JSON object', 'frame_corrupt')
    const added = this.#answer.add(response)
    if (typeof added === 'object') return added
    if (!added) this.unknownFrames++
  }

  end(): void {
    this.#answer.end()
  }
}
