import type { Json, JsonObject } from '../json.js'
import { AnswerSink } from './answer-sink.js'
import { addExtra, identityMembers } from './chat-whole.js'
import { toCompletionLogprobs } from './completions-logprobs.js'
import { completionFinish, toolInCompletion } from './completions-words.js'
import type { WholeSink } from './format.js'

interface Choice {
  text: string
  reasoning: string
  logprobs: Json[]
  extras: Map<string, Json>
}

/** Collects an answer into one `text_completion` object, with the same extras as its stream. */
export class CompletionsWholeSink extends AnswerSink implements WholeSink {
  protected readonly idPrefix = 'cmpl-'
  private readonly choices: Choice[] = []

  body(): JsonObject {
    const body: JsonObject = {
      ...identityMembers('text_completion', this.identity),
      choices: this.choices.map((choice, index) => {
        const reason = this.finishReasons[index]
        return {
          index,
          text: choice.text,
          ...(choice.reasoning === '' ? {} : { reasoning_content: choice.reasoning }),
          ...Object.fromEntries(choice.extras),
          logprobs: choice.logprobs.length === 0 ? null : { ...toCompletionLogprobs(choice.logprobs, 0) },
          finish_reason: reason === undefined ? null : completionFinish(reason),
        }
      }),
    }
    if (this.lastUsage !== undefined) body.usage = { ...this.lastUsage }
    return body
  }

  protected writeChoice(choice: number): void {
    this.choices[choice] = { text: '', reasoning: '', logprobs: [], extras: new Map() }
  }

  protected writeText(choice: number, text: string): void {
    this.choices[choice]!.text += text
  }

  protected writeRefusal(choice: number, text: string): void {
    this.writeText(choice, text)
  }

  protected writeReasoning(choice: number, text: string): void {
    this.choices[choice]!.reasoning += text
  }

  protected writeToolStart(): void {
    this.error(toolInCompletion())
  }

  protected writeToolArgs(): void {}

  protected writeLogprobs(choice: number, content: Json[]): void {
    this.choices[choice]!.logprobs.push(...content)
  }

  protected writeExtra(choice: number, field: string, value: Json): void {
    addExtra(this.choices[choice]!.extras, field, value)
  }

  protected writeFinish(): void {}

  protected writeEnd(): void {}

  protected writeError(): void {}
}
