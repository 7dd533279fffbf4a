import type { StreamTranslator } from '../../driver.js'
import { ChatError } from '../../errors.js'
import { errorWithin } from '../../formats/error-body.js'
import type { Frame } from '../../frames/frame.js'
import { isObject, type Json, parseJson } from '../../json.js'
import type { Sink } from '../../sink.js'
import { finishAnswer } from './details.js'
import { withoutPrompt } from './response.js'

/** `waiting` -- a token --> `open` -- the one with the whole text --> `closed`, in which everything is ignored. */
type State = 'waiting' | 'open' | 'closed'

/**
 * Tells a streamed answer to the sink, each token in the call that brings it.
 *
 * Source: https://huggingface.github.io/text-generation-inference/ (`POST /generate_stream`)
 */
export class GenerateTranslator implements StreamTranslator {
  unknownFrames = 0
  readonly #sink: Sink
  #state: State = 'waiting'
  /** Nothing but white space was generated yet: a whole answer does not start with it either. */
  #isBlank = true

  constructor(sink: Sink) {
    this.#sink = sink
  }

  frame({ data }: Frame): void {
    if (this.#state === 'closed') return
    const event = parseJson(data)
    if (!isObject(event)) {
      if (data.trim() === '[DONE]') return
      return this.#fail(
        ChatError.badUpstream('llama2 sent an event that is not a JSON object', 'frame_corrupt'),
      )
    }
    const error = errorWithin(event)
    if (error) return this.#fail(error)
    const { token, generated_text: whole } = event
    if (!isObject(token) && typeof whole !== 'string') {
      this.unknownFrames++
      return
    }
    if (this.#state === 'waiting') this.#sink.start({})
    this.#state = 'open'
    this.#token(token)
    if (typeof whole !== 'string') return
    // A server that streams no tokens sends its text here alone.
    if (this.#isBlank) this.#say(withoutPrompt(whole))
    this.#state = 'closed'
    finishAnswer(event.details, this.#sink)
  }

  end(): void {
    if (this.#state !== 'closed') {
      this.#fail(ChatError.badUpstream('llama2 ended its answer before it was complete', 'incomplete_answer'))
    }
  }

  /** Special tokens are the template's marks, not text. */
  #token(token: Json | undefined): void {
    if (isObject(token) && token.special !== true && typeof token.text === 'string') this.#say(token.text)
  }

  #say(text: string): void {
    const said = this.#isBlank ? text.trimStart() : text
    if (said === '') return
    this.#isBlank = false
    this.#sink.text(0, said)
  }

  #fail(error: ChatError): void {
    this.#state = 'closed'
    this.#sink.error(error)
  }
}
