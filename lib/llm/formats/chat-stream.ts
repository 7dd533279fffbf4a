import type { FinishReason } from '../chat.js'
import type { Json, JsonObject } from '../json.js'
import { type ChunkForm, EventSink } from './event-sink.js'
import { escaped, needsEscapes } from './escaped.js'

const json = JSON.stringify

/**
 * Writes an answer as `chat.completion.chunk` events.
 *
 * Source: https://platform.openai.com/docs/api-reference/chat-streaming
 */
export class ChatStreamSink extends EventSink {
  protected readonly idPrefix = 'chatcmpl-'
  protected readonly object = 'chat.completion.chunk'

  /** By choice: the chunks with a piece of its text. */
  private readonly textForms: ChunkForm[] = []

  protected writeChoice(choice: number): void {
    this.writeDelta(choice, '"role":"assistant","content":""')
  }

  protected writeText(choice: number, text: string): void {
    this.fill(this.textForm(choice), escaped(text))
  }

  protected override writeTexts(choice: number, texts: readonly string[], whole: string): void {
    this.fillAll(this.textForm(choice), needsEscapes(whole) ? texts.map(escaped) : texts)
  }

  private textForm(choice: number): ChunkForm {
    return (this.textForms[choice] ??= this.form(
      `{"index":${choice},"delta":{"content":"`,
      '"},"logprobs":null,"finish_reason":null}',
    ))
  }

  protected writeRefusal(choice: number, text: string): void {
    this.writeDelta(choice, `"refusal":${json(text)}`)
  }

  protected writeReasoning(choice: number, text: string): void {
    this.writeDelta(choice, `"reasoning_content":${json(text)}`)
  }

  protected writeToolStart(
    choice: number,
    call: number,
    id: string,
    name: string,
    extra: JsonObject | undefined,
  ): void {
    const extraContent = extra === undefined ? '' : `,"extra_content":${json(extra)}`
    this.writeDelta(
      choice,
      `"tool_calls":[{"index":${call},"id":${json(id)},"type":"function",` +
        `"function":{"name":${json(name)},"arguments":""}${extraContent}}]`,
    )
  }

  protected writeToolArgs(choice: number, call: number, text: string): void {
    this.writeDelta(choice, `"tool_calls":[{"index":${call},"function":{"arguments":${json(text)}}}]`)
  }

  protected writeLogprobs(choice: number, content: Json[]): void {
    this.write(choice, '', `{"content":${json(content)},"refusal":null}`, 'null')
  }

  protected writeExtra(choice: number, field: string, value: Json): void {
    this.writeDelta(choice, `${json(field)}:${json(value)}`)
  }

  protected writeFinish(choice: number, reason: FinishReason): void {
    this.write(choice, '', 'null', `"${reason}"`)
  }

  private writeDelta(choice: number, members: string): void {
    this.write(choice, members, 'null', 'null')
  }

  private write(choice: number, delta: string, logprobs: string, finish: string): void {
    this.chunk(`{"index":${choice},"delta":{${delta}},"logprobs":${logprobs},"finish_reason":${finish}}`)
  }
}
