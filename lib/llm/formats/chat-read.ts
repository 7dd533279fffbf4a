import { ChatError } from '../errors.js'
import { isObject, type Json, type JsonObject } from '../json.js'
import type { Sink } from '../sink.js'
import { readUsage } from '../usage.js'
import { errorWithin } from './error-body.js'
import { readFinishReason } from './finish-reason.js'
import type { AnswerReader } from './format.js'
import { choiceIndex, isText, readMeta } from './read.js'
import { ToolCallReader } from './tool-call-read.js'

/** Fields of a message or delta that are passed on as they are. */
const EXTRAS = ['thinking_blocks', 'citations', 'annotations', 'audio'] as const

/**
 * Reads chat completions, streamed and whole, from OpenAI and from the servers that imitate it: reasoning under either
 * of its names, content as a list of parts, usage beside choices or in `x_groq`, tool calls without numbers.
 *
 * Sources: https://platform.openai.com/docs/api-reference/chat-streaming, https://api-docs.deepseek.com/api/create-chat-completion,
 * https://console.groq.com/docs/api-reference, https://docs.mistral.ai/capabilities/reasoning
 */
export class ChatReader implements AnswerReader {
  private calls: Map<number, ToolCallReader> | undefined
  private started = false

  /** @param callsEnd a plain stop after calls means that they are why the answer ended */
  constructor(
    private readonly sink: Sink,
    private readonly callsEnd = false,
  ) {}

  chunk(chunk: JsonObject): boolean {
    const error = errorWithin(chunk)
    if (error !== undefined) {
      this.sink.error(error)
      return true
    }
    const counted = this.usage(chunk)
    const { choices } = chunk
    if (!Array.isArray(choices)) return counted
    if (choices.length > 0) this.start(chunk)
    for (const [place, choice] of choices.entries()) {
      if (isObject(choice)) this.choice(choiceIndex(choice, place), choice.delta ?? choice.message, choice)
    }
    return true
  }

  body(body: JsonObject): void {
    const error = errorWithin(body)
    if (error !== undefined) {
      this.sink.error(error)
      return
    }
    this.start(body)
    this.usage(body)
    const choices = Array.isArray(body.choices) ? body.choices : []
    for (const [place, choice] of choices.entries()) {
      if (isObject(choice)) this.choice(choiceIndex(choice, place), choice.message, choice)
    }
    this.sink.done()
  }

  private start(body: JsonObject): void {
    if (this.started) return
    this.started = true
    this.sink.start(readMeta(body))
  }

  private usage(body: JsonObject): boolean {
    const usage = readUsage(body.usage) ?? (isObject(body.x_groq) ? readUsage(body.x_groq.usage) : undefined)
    if (usage === undefined) return false
    this.sink.usage(usage)
    return true
  }

  /** `message` is a delta or a whole message: they differ in nothing that matters here. */
  private choice(index: number, message: Json | undefined, choice: JsonObject): void {
    if (isObject(message)) this.message(index, message)
    if (isObject(choice.logprobs) && Array.isArray(choice.logprobs.content)) {
      this.sink.logprobs(index, choice.logprobs.content)
    }
    const reason = readFinishReason(choice.finish_reason)
    if (reason === 'error') {
      this.sink.error(
        ChatError.badUpstream('the provider could not complete its answer', 'incomplete_answer'),
      )
    } else if (reason !== undefined) {
      this.sink.finish(
        index,
        reason === 'stop' && this.callsEnd && this.calls?.has(index) ? 'tool_calls' : reason,
      )
    }
  }

  private message(index: number, message: JsonObject): void {
    const { content, tool_calls: calls, function_call: legacyCall } = message
    const reasoning = isText(message.reasoning_content) ? message.reasoning_content : message.reasoning
    if (isText(reasoning)) this.sink.reasoning(index, reasoning)
    if (isText(content)) this.sink.text(index, content)
    else if (Array.isArray(content)) this.parts(index, content)
    if (isText(message.refusal)) this.sink.refusal(index, message.refusal)
    for (const field of EXTRAS) {
      const value = message[field]
      if (isObject(value) || (Array.isArray(value) && value.length > 0)) this.sink.extra(index, field, value)
    }
    if (Array.isArray(calls)) {
      for (const call of calls) if (isObject(call)) this.toolCalls(index).read(call)
    }
    if (isObject(legacyCall)) this.toolCalls(index).read({ index: 0, function: legacyCall })
  }

  /** Content as Mistral's reasoning models give it. */
  private parts(index: number, parts: Json[]): void {
    for (const part of parts) {
      if (!isObject(part)) continue
      if (isText(part.text)) this.sink.text(index, part.text)
      if (!Array.isArray(part.thinking)) continue
      for (const thought of part.thinking) {
        if (isObject(thought) && isText(thought.text)) this.sink.reasoning(index, thought.text)
      }
    }
  }

  private toolCalls(choice: number): ToolCallReader {
    this.calls ??= new Map()
    let reader = this.calls.get(choice)
    if (reader === undefined) {
      reader = new ToolCallReader(this.sink, choice)
      this.calls.set(choice, reader)
    }
    return reader
  }
}
