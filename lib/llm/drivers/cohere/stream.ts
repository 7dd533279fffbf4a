import type { StreamTranslator } from '../../driver.js'
import { ChatError } from '../../errors.js'
import { errorWithin } from '../../formats/error-body.js'
import { isText } from '../../formats/read.js'
import type { Frame } from '../../frames/frame.js'
import type { Spoken } from '../../frames/text-run.js'
import { isObject, type JsonObject, parseJson } from '../../json.js'
import type { Sink } from '../../sink.js'
import { lookup } from '../lookup.js'
import { CohereMessage } from './answer.js'
import { finishAnswer } from './finish.js'
import { convertUsage } from './usage.js'

/**
 * `waiting` -- message-start --> `open` -- message-end --> `closed`
 *
 * An error, or an event in a state that it does not belong to, leads to `closed`, in which everything is ignored.
 */
type State = 'waiting' | 'open' | 'closed'

/** What an event says: its index, and the part of the message that it brings. */
type EventReader = (
  answer: CohereMessage,
  message: JsonObject,
  index: unknown,
  event: JsonObject,
) => Spoken | boolean

/** The events inside a message; each says whether it had a place there. One not named here is unknown, and passed over. */
const EVENTS: Readonly<Record<string, EventReader>> = {
  'content-start': (answer, { content }) => (answer.content(content), true),
  'content-delta': (answer, { content }, _, { logprobs }) => {
    const spoken = answer.content(content)
    if (!isObject(logprobs)) return spoken ?? true
    answer.logprobs([logprobs])
    return true
  },
  'content-end': () => true,
  'tool-plan-delta': (answer, { tool_plan: plan }) => answer.plan(plan) ?? true,
  'tool-call-start': (answer, { tool_calls: call }, index) => {
    if (isObject(call)) answer.callStart(index, call)
    return isObject(call)
  },
  'tool-call-delta': (answer, { tool_calls: call }, index) =>
    answer.callArguments(
      index,
      isObject(call) && isObject(call.function) ? call.function.arguments : undefined,
    ),
  'tool-call-end': (answer, _, index) => (answer.callEnd(index), true),
  'citation-start': (answer, { citations }) => (answer.cite(isObject(citations) ? [citations] : []), true),
  'citation-end': () => true,
  debug: () => true,
}

/**
 * Tells a streamed answer to the sink, each event in the call that brings it.
 *
 * Source: https://docs.cohere.com/v2/docs/streaming, https://docs.cohere.com/reference/chat-stream
 */
export class ChatTranslator implements StreamTranslator {
  unknownFrames = 0
  readonly #sink: Sink
  readonly #answer: CohereMessage
  #state: State = 'waiting'

  constructor(sink: Sink) {
    this.#sink = sink
    this.#answer = new CohereMessage(sink)
  }

  frame(frame: Frame): Spoken | void {
    if (this.#state === 'closed') return
    const event = parseJson(frame.data)
    if (!isObject(event)) {
      if (frame.data.trim() === '[DONE]') return
      return this.#fail('cohere sent an event that is not a JSON object', 'frame_corrupt')
    }
    const type = isText(event.type) ? event.type : frame.event
    const delta = isObject(event.delta) ? event.delta : {}
    const error = errorWithin(event)
    if (error) return this.#close(() => this.#sink.error(error))
    if (type === 'message-start') return this.#start(event)
    if (type === 'message-end') return this.#end(delta)
    const read = lookup(EVENTS, type)
    if (!read) {
      this.unknownFrames++
      return
    }
    const message = isObject(delta.message) ? delta.message : {}
    const said = this.#state === 'open' && read(this.#answer, message, event.index, event)
    if (typeof said === 'object') return said
    if (!said) this.#fail(`cohere sent ${type} out of order`, 'frame_unexpected')
  }

  end(): void {
    if (this.#state !== 'closed')
      this.#fail('cohere ended its answer before it was complete', 'incomplete_answer')
  }

  #start({ id }: JsonObject): void {
    if (this.#state !== 'waiting')
      return this.#fail('cohere sent message-start out of order', 'frame_unexpected')
    this.#state = 'open'
    this.#sink.start(isText(id) ? { id } : {})
  }

  #end(delta: JsonObject): void {
    if (this.#state !== 'open') return this.#fail('cohere sent message-end out of order', 'frame_unexpected')
    this.#close(() => {
      this.#answer.endAll()
      if (!finishAnswer(delta, this.#sink)) return
      const usage = convertUsage(delta.usage)
      if (usage) this.#sink.usage(usage)
      this.#sink.done()
    })
  }

  #fail(message: string, code: string): void {
    this.#close(() => this.#sink.error(ChatError.badUpstream(message, code)))
  }

  #close(last: () => void): void {
    this.#state = 'closed'
    last()
  }
}
