import type { StreamTranslator } from '../../driver.js'
import { ChatError } from '../../errors.js'
import type { Frame } from '../../frames/frame.js'
import type { Spoken } from '../../frames/text-run.js'
import { isObject, type JsonObject, parseJson } from '../../json.js'
import type { Sink } from '../../sink.js'
import { Blocks } from './blocks.js'
import { convertException } from './error.js'
import { mapStopReason } from './finish.js'
import { convertUsage } from './usage.js'

/**
 * A streamed answer of ConverseStream. It is complete with `messageStop` and `metadata`, in whichever order; some models
 * send no `metadata`, then with the end of the body.
 *
 * Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
 */
export class ConverseTranslator implements StreamTranslator {
  unknownFrames = 0
  readonly #sink: Sink
  readonly #blocks: Blocks
  #messageStop: JsonObject | undefined
  #metadata: JsonObject | undefined
  #state: 'new' | 'started' | 'closed' = 'new'

  constructor(sink: Sink) {
    this.#sink = sink
    this.#blocks = new Blocks(sink)
  }

  frame(frame: Frame): Spoken | void {
    if (this.#state === 'closed') return
    const payload = parseJson(frame.data)
    if (frame.exception) {
      this.#fail(convertException(frame.event, payload))
      return
    }
    if (!isObject(payload)) {
      this.#fail(ChatError.badUpstream('bedrock sent a frame that is not a JSON object', 'frame_corrupt'))
      return
    }
    if (frame.event === 'contentBlockDelta') return this.#delta(payload)
    if (!this.#event(frame.event, payload)) this.unknownFrames++
  }

  end(): void {
    if (this.#state === 'closed') return
    if (this.#messageStop) this.#finish(this.#messageStop)
    else
      this.#fail(
        ChatError.badUpstream('bedrock ended its answer before it was complete', 'incomplete_answer'),
      )
  }

  #delta({ contentBlockIndex: index, delta }: JsonObject): Spoken | void {
    this.#start()
    const said = !isObject(delta) || this.#blocks.delta(index, delta)
    if (typeof said === 'object') return said
    if (!said) {
      this.#fail(
        ChatError.badUpstream('bedrock sent content of a block that it did not start', 'frame_unexpected'),
      )
    }
  }

  /** False if nobody knows the event. */
  #event(event: string, payload: JsonObject): boolean {
    const { contentBlockIndex: index, start } = payload
    switch (event) {
      case 'messageStart':
        this.#start()
        return true
      case 'contentBlockStart':
        this.#start()
        if (isObject(start)) this.#blocks.start(index, start)
        return true
      case 'contentBlockStop':
        this.#blocks.stop(index)
        return true
      case 'messageStop':
        this.#messageStop = payload
        break
      case 'metadata':
        this.#metadata = payload
        break
      default:
        return false
    }
    if (this.#messageStop && this.#metadata) this.#finish(this.#messageStop)
    return true
  }

  #start(): void {
    if (this.#state !== 'new') return
    this.#state = 'started'
    this.#sink.start({})
  }

  #finish({ stopReason }: JsonObject): void {
    this.#start()
    this.#state = 'closed'
    this.#blocks.stopAll()
    finishAnswer(this.#sink, stopReason, this.#metadata ?? {})
  }

  #fail(error: ChatError): void {
    this.#state = 'closed'
    this.#sink.error(error)
  }
}

/** What follows the content, of a stream or a whole answer: a guardrail's `trace` is an extra of the message. */
export function finishAnswer(sink: Sink, stopReason: unknown, { usage, trace }: JsonObject): void {
  const counted = convertUsage(usage)
  if (counted) sink.usage(counted)
  if (isObject(trace)) sink.extra(0, 'trace', trace)
  const reason = typeof stopReason === 'string' ? stopReason : ''
  const finish = mapStopReason(reason)
  if (finish === 'failed') {
    sink.error(ChatError.badUpstream(`the model failed to answer (${reason})`, reason))
    return
  }
  sink.finish(0, finish)
  sink.done()
}
