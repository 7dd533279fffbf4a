import { isObject, type Json, type JsonObject } from '../../json.js'
import { isText } from '../../formats/read.js'
import { speak, type Spoken } from '../../frames/text-run.js'
import type { Sink } from '../../sink.js'

/**
 * The message of one answer, told to a sink: the same words for a whole one as for the pieces of a stream.
 *
 * The plan that the model makes before it calls tools is its reasoning. Extra of the message: `citations`, Cohere's
 * objects as they came.
 *
 * Source: https://docs.cohere.com/reference/chat (`message`), /docs/citations
 */
export class CohereMessage {
  readonly #sink: Sink
  readonly #calls = new Map<unknown, Call>()
  #count = 0

  constructor(sink: Sink) {
    this.#sink = sink
  }

  /** A block of content or a piece of one: they differ in nothing that matters here. */
  content(block: Json | undefined): Spoken | undefined {
    if (!isObject(block)) return undefined
    const thought = this.plan(block.thinking)
    const spoken = speak(
      block.text,
      (text) => this.#sink.text(0, text),
      (texts) => this.#sink.texts(0, texts),
    )
    return thought && spoken ? undefined : (thought ?? spoken)
  }

  plan(plan: Json | undefined): Spoken | undefined {
    return speak(plan, (text) => this.#sink.reasoning(0, text))
  }

  cite(citations: Json[]): void {
    if (citations.length > 0) this.#sink.extra(0, 'citations', citations)
  }

  /** `index` tells calls apart until they end. */
  callStart(index: unknown, call: JsonObject): void {
    this.callEnd(index)
    const number = this.#count++
    const { name, arguments: args } = isObject(call.function) ? call.function : {}
    const id = isText(call.id) ? call.id : `call_${number}`
    this.#sink.toolStart(0, number, id, isText(name) ? name : '')
    this.#calls.set(index, { number, held: '', ended: false, spoke: false })
    this.callArguments(index, args)
  }

  /** Returns whether there is such a call that has not ended. */
  callArguments(index: unknown, text: Json | undefined): boolean {
    const call = this.#calls.get(index)
    if (!call || call.ended) return false
    if (isText(text)) this.#say(call, text)
    return true
  }

  callEnd(index: unknown): void {
    const call = this.#calls.get(index)
    if (!call || call.ended) return
    call.ended = true
    if (!call.spoke) this.#sink.toolArgs(0, call.number, isWhole(call.held) ? '{}' : call.held)
  }

  endAll(): void {
    for (const index of this.#calls.keys()) this.callEnd(index)
  }

  /** A call without arguments may come as `null`, so what could become that waits for what follows. */
  #say(call: Call, text: string): void {
    const said = call.held + text
    if (!call.spoke && 'null'.startsWith(said)) {
      call.held = said
      return
    }
    call.spoke = true
    call.held = ''
    this.#sink.toolArgs(0, call.number, said)
  }

  logprobs(items: Json[]): void {
    const content = items.filter(isObject).map(logprob)
    if (content.length > 0) this.#sink.logprobs(0, content)
  }
}

interface Call {
  number: number
  /** The start of `null` that was not said yet. */
  held: string
  ended: boolean
  spoke: boolean
}

function isWhole(held: string): boolean {
  return held === '' || held === 'null'
}

/** A piece of text of one or more tokens, with the probability of all of them. */
function logprob({ text, logprobs }: JsonObject): JsonObject {
  const token = isText(text) ? text : ''
  const each = Array.isArray(logprobs) ? logprobs.filter((value) => typeof value === 'number') : []
  return {
    token,
    logprob: each.reduce((sum, value) => sum + value, 0),
    bytes: [...Buffer.from(token)],
    top_logprobs: [],
  }
}
