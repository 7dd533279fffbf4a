import type { FinishReason } from '../chat.js'
import type { Json } from '../json.js'
import { toCompletionLogprobs } from './completions-logprobs.js'
import { completionFinish, toolInCompletion } from './completions-words.js'
import { EventSink } from './event-sink.js'

const json = JSON.stringify

/**
 * Writes an answer as the events of a streamed text completion. What the format has no words for is not lost: reasoning
 * stands beside `text` as `reasoning_content`, as do other extra fields; a refusal is text.
 *
 * Source: https://platform.openai.com/docs/api-reference/completions/object
 */
export class CompletionsStreamSink extends EventSink {
  protected readonly idPrefix = 'cmpl-'
  protected readonly object = 'text_completion'
  /** By choice: how many characters of tokens with log probabilities it has. */
  private readonly offsets: number[] = []

  protected writeChoice(choice: number): void {
    this.offsets[choice] = 0
  }

  protected writeText(choice: number, text: string): void {
    this.write(choice, json(text), '')
  }

  protected writeRefusal(choice: number, text: string): void {
    this.writeText(choice, text)
  }

  protected writeReasoning(choice: number, text: string): void {
    this.write(choice, '""', `,"reasoning_content":${json(text)}`)
  }

  protected writeToolStart(): void {
    this.error(toolInCompletion())
  }

  protected writeToolArgs(): void {}

  protected writeLogprobs(choice: number, content: Json[]): void {
    const logprobs = toCompletionLogprobs(content, this.offsets[choice]!)
    for (const token of logprobs.tokens) this.offsets[choice]! += token.length
    this.write(choice, '""', '', json(logprobs))
  }

  protected writeExtra(choice: number, field: string, value: Json): void {
    this.write(choice, '""', `,${json(field)}:${json(value)}`)
  }

  protected writeFinish(choice: number, reason: FinishReason): void {
    this.write(choice, '""', '', 'null', `"${completionFinish(reason)}"`)
  }

  private write(choice: number, text: string, extra: string, logprobs = 'null', finish = 'null'): void {
    this.chunk(`{"index":${choice},"text":${text}${extra},"logprobs":${logprobs},"finish_reason":${finish}}`)
  }
}
