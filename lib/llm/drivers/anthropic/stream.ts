import type { StreamTranslator } from '../../driver.js'
import { ChatError } from '../../errors.js'
import type { Frame } from '../../frames/frame.js'
import type { Spoken } from '../../frames/text-run.js'
import { isObject, type JsonObject, parseJson } from '../../json.js'
import type { Sink } from '../../sink.js'
import { lookup } from '../lookup.js'
import { Blocks } from './blocks.js'
import { convertStreamError } from './error.js'
import { finishMessage, messageMeta } from './message.js'
import { convertUsage, mergeUsage } from './usage.js'

/**
 * `waiting` -- message_start --> `open` -- message_delta with a stop_reason --> `finished` -- message_stop --> `closed`
 *
 * An error, or a frame in a state that it does not belong to, leads to `closed`, in which everything is ignored.
 */
type State = 'waiting' | 'open' | 'finished' | 'closed'

const ALL: readonly State[] = ['waiting', 'open', 'finished']

/** The states in which each frame may come. A frame not named here is unknown, and passed over in all. */
const EXPECTED: Readonly<Record<string, readonly State[]>> = {
  message_start: ['waiting'],
  content_block_start: ['open'],
  content_block_delta: ['open'],
  content_block_stop: ['open'],
  message_delta: ['open', 'finished'],
  // Before a stop_reason it is the sink that says what is missing.
  message_stop: ['open', 'finished'],
  ping: ALL,
  error: ALL,
}

/**
 * Tells a streamed answer of the Messages API to the sink, each frame in the call that brings it.
 *
 * Source: https://docs.claude.com/en/docs/build-with-claude/streaming
 */
export class MessagesTranslator implements StreamTranslator {
  unknownFrames = 0
  readonly #sink: Sink
  readonly #blocks: Blocks
  #state: State = 'waiting'
  /** The API's figures as far as they came. */
  #usage: JsonObject = {}

  constructor(sink: Sink) {
    this.#sink = sink
    this.#blocks = new Blocks(sink)
  }

  frame(frame: Frame): Spoken | void {
    if (this.#state === 'closed') return
    const event = parseJson(frame.data)
    if (!isObject(event))
      return this.#fail('anthropic sent a frame that is not a JSON object', 'frame_corrupt')
    const type = typeof event.type === 'string' ? event.type : frame.event
    const expected = lookup(EXPECTED, type)
    if (!expected) {
      this.unknownFrames++
      return
    }
    if (!expected.includes(this.#state))
      return this.#fail(`anthropic sent ${type} out of order`, 'frame_unexpected')
    switch (type) {
      case 'message_start':
        return this.#start(isObject(event.message) ? event.message : {})
      case 'content_block_start':
        return this.#blocks.open(event.index, isObject(event.content_block) ? event.content_block : {})
      case 'content_block_delta':
        return this.#delta(event)
      case 'content_block_stop':
        return this.#blocks.close(event.index)
      case 'message_delta':
        return this.#messageDelta(event)
      case 'message_stop':
        this.#state = 'closed'
        return this.#sink.done()
      case 'error':
        this.#state = 'closed'
        return this.#sink.error(convertStreamError(event))
    }
  }

  end(): void {
    if (this.#state !== 'closed')
      this.#fail('anthropic ended its answer before it was complete', 'incomplete_answer')
  }

  #start(message: JsonObject): void {
    this.#state = 'open'
    // The first `output_tokens` are not the answer's: it has hardly begun.
    const usage = mergeUsage({}, message.usage)
    this.#usage = { ...usage, output_tokens: null }
    this.#sink.start(messageMeta(message))
    const prompt = convertUsage({ ...usage, output_tokens: 0 })
    if (prompt) this.#sink.promptUsage(prompt)
  }

  #delta({ index, delta }: JsonObject): Spoken | void {
    if (!isObject(delta)) return
    if (this.#blocks.has(index)) return this.#blocks.delta(index, delta)
    this.#fail('anthropic sent content of a block that it did not start', 'frame_unexpected')
  }

  #messageDelta(event: JsonObject): void {
    if (
      this.#state === 'open' &&
      isObject(event.delta) &&
      finishMessage(event.delta, this.#blocks, this.#sink)
    ) {
      this.#state = 'finished'
    }
    this.#usage = mergeUsage(this.#usage, event.usage)
    const usage = convertUsage(this.#usage)
    if (usage) this.#sink.usage(usage)
  }

  #fail(message: string, code: string): void {
    this.#state = 'closed'
    this.#sink.error(ChatError.badUpstream(message, code))
  }
}
