import { ChatError } from '../errors.js'
import { isObject, type JsonObject } from '../json.js'
import type { Sink } from '../sink.js'
import { readUsage } from '../usage.js'
import { toChatLogprobs } from './completions-logprobs.js'
import { errorWithin } from './error-body.js'
import { readFinishReason } from './finish-reason.js'
import type { AnswerReader } from './format.js'
import { choiceIndex, isText, readMeta } from './read.js'

/**
 * Reads text completions, whose chunks and whole answers have one shape.
 *
 * Source: https://platform.openai.com/docs/api-reference/completions/object
 */
export class CompletionsReader implements AnswerReader {
  private started = false

  constructor(private readonly sink: Sink) {}

  chunk(chunk: JsonObject): boolean {
    const error = errorWithin(chunk)
    if (error !== undefined) {
      this.sink.error(error)
      return true
    }
    const usage = readUsage(chunk.usage)
    if (usage !== undefined) this.sink.usage(usage)
    const { choices } = chunk
    if (!Array.isArray(choices)) return usage !== undefined
    if (choices.length > 0 && !this.started) {
      this.started = true
      this.sink.start(readMeta(chunk))
    }
    for (const [place, choice] of choices.entries()) {
      if (isObject(choice)) this.choice(choiceIndex(choice, place), choice)
    }
    return true
  }

  body(body: JsonObject): void {
    this.chunk(body)
    this.sink.done()
  }

  private choice(index: number, choice: JsonObject): void {
    if (isText(choice.reasoning_content)) this.sink.reasoning(index, choice.reasoning_content)
    if (isText(choice.text)) this.sink.text(index, choice.text)
    if (isObject(choice.logprobs)) this.sink.logprobs(index, toChatLogprobs(choice.logprobs))
    const reason = readFinishReason(choice.finish_reason)
    if (reason === 'error') {
      this.sink.error(
        ChatError.badUpstream('the provider could not complete its answer', 'incomplete_answer'),
      )
    } else if (reason !== undefined) {
      this.sink.finish(index, reason)
    }
  }
}
