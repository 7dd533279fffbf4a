import type { FinishReason, Usage } from '../chat.js'
import type { ChatError } from '../errors.js'
import type { Json, JsonObject } from '../json.js'
import { AnswerSink, type Identity } from './answer-sink.js'
import type { StreamSink } from './format.js'
import { DONE_EVENT, errorEvent } from './sse-event.js'

const json = JSON.stringify

/**
 * Writes an answer as `chat.completion.chunk` events. On the hot path of every translated stream, hence strings: all
 * but a chunk's delta is known at its start, so that a delta costs one escape and one concatenation.
 *
 * Source: https://platform.openai.com/docs/api-reference/chat-streaming
 */
export class ChatStreamSink extends AnswerSink implements StreamSink {
  protected readonly idPrefix = 'chatcmpl-'
  /** `data: {"id":...,"choices":[`, the part that all chunks have in common. */
  private head = ''
  private readonly tail = this.options.includeUsage === true ? '],"usage":null}\n\n' : ']}\n\n'
  private pending = ''

  take(): string {
    const events = this.pending
    this.pending = ''
    return events
  }

  protected begin(identity: Identity): void {
    const { id, created, model, serviceTier, systemFingerprint } = identity
    this.head =
      `data: {"id":${json(id)},"object":"chat.completion.chunk","created":${created},"model":${json(model)}` +
      (serviceTier === undefined ? '' : `,"service_tier":${json(serviceTier)}`) +
      (systemFingerprint === undefined ? '' : `,"system_fingerprint":${json(systemFingerprint)}`) +
      ',"choices":['
  }

  protected writeChoice(choice: number): void {
    this.writeDelta(choice, '"role":"assistant","content":""')
  }

  protected writeText(choice: number, text: string): void {
    this.writeDelta(choice, `"content":${json(text)}`)
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
    this.chunk(choice, '', `{"content":${json(content)},"refusal":null}`, 'null')
  }

  protected writeExtra(choice: number, field: string, value: Json): void {
    this.writeDelta(choice, `${json(field)}:${json(value)}`)
  }

  protected writeFinish(choice: number, reason: FinishReason): void {
    this.chunk(choice, '', 'null', `"${reason}"`)
  }

  protected writeEnd(usage: Usage | undefined): void {
    if (this.options.includeUsage === true && usage !== undefined) {
      this.pending += `${this.head}],"usage":${json(usage)}}\n\n`
    }
    this.pending += DONE_EVENT
  }

  protected writeError(error: ChatError): void {
    this.pending += errorEvent(error)
  }

  private writeDelta(choice: number, members: string): void {
    this.chunk(choice, members, 'null', 'null')
  }

  private chunk(choice: number, members: string, logprobs: string, finish: string): void {
    this.pending += `${this.head}{"index":${choice},"delta":{${members}},"logprobs":${logprobs},"finish_reason":${finish}}${this.tail}`
  }
}
