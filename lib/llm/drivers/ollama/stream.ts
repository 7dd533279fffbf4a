import type { StreamTranslator } from '../../driver.js'
import { ChatError } from '../../errors.js'
import { errorWithin } from '../../formats/error-body.js'
import type { Frame } from '../../frames/frame.js'
import { isObject, parseJson } from '../../json.js'
import type { Sink } from '../../sink.js'
import { OllamaAnswer } from './answer.js'

/**
 * Tells a streamed answer to the sink, each line in the call that brings it. `open` until the line that is `done`, an
 * error or a line that is none of the API's; then `closed`, in which everything is ignored.
 *
 * Source: https://docs.ollama.com/api/streaming, /api/errors
 */
export class ChatTranslator implements StreamTranslator {
  unknownFrames = 0
  readonly #sink: Sink
  readonly #answer: OllamaAnswer
  #state: 'open' | 'closed' = 'open'

  constructor(sink: Sink) {
    this.#sink = sink
    this.#answer = new OllamaAnswer(sink)
  }

  frame({ data }: Frame): void {
    if (this.#state === 'closed') return
    const line = parseJson(data)
    if (!isObject(line)) {
      return this.#fail(
        ChatError.badUpstream('ollama sent a line that is not a JSON object', 'frame_corrupt'),
      )
    }
    const error = errorWithin(line)
    if (error) return this.#fail(error)
    if (line.done === undefined && line.message === undefined) {
      this.unknownFrames++
      return
    }
    if (this.#answer.line(line)) this.#state = 'closed'
  }

  end(): void {
    if (this.#state === 'open') {
      this.#fail(ChatError.badUpstream('ollama ended its answer before it was complete', 'incomplete_answer'))
    }
  }

  #fail(error: ChatError): void {
    this.#state = 'closed'
    this.#sink.error(error)
  }
}
