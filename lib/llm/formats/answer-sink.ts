import type { FinishReason, Usage } from '../chat.js'
import { ChatError } from '../errors.js'
import type { Json, JsonObject } from '../json.js'
import { newId } from '../ids.js'
import type { AnswerMeta, Sink } from '../sink.js'
import type { Said } from '../tokens/said.js'
import type { Begun, Identity, PlainText } from '../unfinished.js'
import { addUsage } from '../usage.js'

export interface SinkOptions {
  /** The requested model, for answers that name none. */
  model: string
  /** The client asked for the usage chunk: `stream_options.include_usage`. Whole answers always carry usage. */
  includeUsage?: boolean
  /** Keeps what the answer says, for a count. Absent: nobody will count. */
  said?: Said | undefined
  /** The client is to have usage: an answer without any is counted before it ends. Needs `said`. */
  countsAtEnd?: boolean
  /** Of a stream that may be taken up where it fails: keeps what it says, and no error ends it. */
  plain?: PlainText | undefined
  /** The stream goes on with another one. */
  begun?: Begun | undefined
}

/**
 * The protocol of `Sink`, kept in one place for every client format: an answer starts once, each choice finishes once,
 * nothing follows the end, a `done` with an unfinished choice is an error. What remains for a format is to write.
 * Also the record of what the answer said of itself (`Answer.facts`).
 */
export abstract class AnswerSink implements Sink {
  /**
   * `counting`: all is said, and the end waits for `counted`. `ended`: `done` was called and every choice had finished.
   * `failed`: `failure` says why.
   */
  state: 'new' | 'started' | 'counting' | 'ended' | 'failed' = 'new'
  failure: ChatError | undefined
  /** Something came that a client can show: text, refusal, reasoning, a tool call, an extra or a finish. */
  delta = false
  id: string | undefined
  model: string | undefined
  lastUsage: Usage | undefined
  /** The prompt's part of the usage, of a stream that has not told the rest. */
  ownPrompt: Usage | undefined
  /** `lastUsage` is a count of ours. */
  estimated: boolean
  /** Of the answer that the client sees; `undefined` until it has started. */
  identity: Identity | undefined
  readonly finishReasons: FinishReason[] = []
  /** Events written for the client. */
  events = 0
  /** How many tool calls each choice has started; as long as the number of choices seen. */
  private readonly calls: number[] = []

  constructor(protected readonly options: SinkOptions) {
    this.estimated = options.begun?.estimated === true
  }

  protected abstract idPrefix: string
  /** The answer starts; `identity` is known. */
  protected begin(_identity: Identity): void {}
  /** A choice is seen for the first time. */
  protected abstract writeChoice(choice: number): void
  protected abstract writeText(choice: number, text: string): void
  /** What is no stream has no use for the single texts. Joined, they are a copy, which keeps no read alive that they were cut out of. */
  protected writeTexts(choice: number, texts: readonly string[], _whole: string): void {
    this.writeText(choice, texts.join(''))
  }
  protected abstract writeRefusal(choice: number, text: string): void
  protected abstract writeReasoning(choice: number, text: string): void
  protected abstract writeToolStart(
    choice: number,
    call: number,
    id: string,
    name: string,
    extra: JsonObject | undefined,
  ): void
  protected abstract writeToolArgs(choice: number, call: number, text: string): void
  protected abstract writeLogprobs(choice: number, content: Json[]): void
  protected abstract writeExtra(choice: number, field: string, value: Json): void
  protected abstract writeFinish(choice: number, reason: FinishReason): void
  protected abstract writeEnd(usage: Usage | undefined): void
  protected abstract writeError(error: ChatError): void

  get isOver(): boolean {
    return this.state === 'counting' || this.state === 'ended' || this.state === 'failed'
  }

  /** Characters said, where they are kept. */
  get saidChars(): number | undefined {
    return this.options.said?.chars
  }

  /** With that of the answer that this one goes on with. */
  get totalUsage(): Usage | undefined {
    const { begun } = this.options
    return begun?.usage ? addUsage(begun.usage, this.lastUsage) : this.lastUsage
  }

  /** What the stream has said, while it can be taken up. */
  get plainText(): string | undefined {
    return this.options.plain?.text
  }

  start(meta: AnswerMeta): void {
    if (this.state !== 'new') return
    this.state = 'started'
    this.id = meta.id
    this.model = meta.model
    if (meta.model !== undefined) this.options.said?.by(meta.model)
    this.identity = this.options.begun?.identity ?? {
      id: meta.id ?? newId(this.idPrefix),
      created: meta.created ?? Math.floor(Date.now() / 1000),
      model: meta.model ?? this.options.model,
      systemFingerprint: meta.systemFingerprint ?? undefined,
      serviceTier: meta.serviceTier,
    }
    this.begin(this.identity)
    this.admits(0)
  }

  text(choice: number, text: string): void {
    if (text === '' || !this.admits(choice)) return
    this.delta = true
    this.options.said?.text(choice, text)
    this.options.plain?.add(choice, text)
    this.writeText(choice, text)
  }

  texts(choice: number, texts: readonly string[]): void {
    if (!this.admits(choice)) return
    this.delta = true
    let whole = ''
    for (const text of texts) whole += text
    this.options.said?.text(choice, whole)
    this.options.plain?.add(choice, whole)
    this.writeTexts(choice, texts, whole)
  }

  refusal(choice: number, text: string): void {
    if (text === '' || !this.admits(choice)) return
    this.delta = true
    this.options.said?.refusal(choice, text)
    this.options.plain?.end()
    this.writeRefusal(choice, text)
  }

  reasoning(choice: number, text: string): void {
    if (text === '' || !this.admits(choice)) return
    this.delta = true
    this.options.said?.reasoning(choice, text)
    this.options.plain?.end()
    this.writeReasoning(choice, text)
  }

  toolStart(choice: number, call: number, id: string, name: string, extra?: JsonObject): void {
    if (!this.admits(choice)) return
    this.delta = true
    this.calls[choice]!++
    this.options.said?.toolStart(choice, name)
    this.options.plain?.end()
    this.writeToolStart(choice, call, id, name, extra)
  }

  toolArgs(choice: number, call: number, text: string): void {
    if (text === '' || !this.admits(choice)) return
    this.options.said?.toolArgs(choice, call, text)
    this.writeToolArgs(choice, call, text)
  }

  logprobs(choice: number, content: Json[]): void {
    if (content.length > 0 && this.admits(choice)) this.writeLogprobs(choice, content)
  }

  extra(choice: number, field: string, value: Json): void {
    if (!this.admits(choice)) return
    this.delta = true
    this.options.plain?.end()
    this.writeExtra(choice, field, value)
  }

  /** A `stop` after tool calls is `tool_calls`: agents go by it, and several providers do not tell the two apart. */
  finish(choice: number, reason: FinishReason): void {
    if (!this.admits(choice) || this.finishReasons[choice] !== undefined) return
    this.delta = true
    const said = reason === 'stop' && this.calls[choice]! > 0 ? 'tool_calls' : reason
    this.finishReasons[choice] = said
    this.options.plain?.end()
    this.writeFinish(choice, said)
  }

  usage(usage: Usage): void {
    if (this.isOver) return
    this.lastUsage = usage
    this.options.said?.release()
  }

  promptUsage(usage: Usage): void {
    if (!this.isOver) this.ownPrompt = usage
  }

  done(): void {
    if (this.state === 'new') this.start({})
    if (this.state !== 'started') return
    if (!this.isComplete()) {
      this.error(incompleteAnswer())
      return
    }
    if (this.options.countsAtEnd === true && this.lastUsage === undefined) this.state = 'counting'
    else this.conclude()
  }

  /** The usage that the provider did not send; `undefined` if it cannot be counted. Ends an answer that waits for it. */
  counted(usage: Usage | undefined): void {
    this.lastUsage = usage
    this.estimated ||= usage !== undefined
    this.options.said?.release()
    if (this.state === 'counting') this.conclude()
  }

  error(error: ChatError): void {
    if (this.isOver) return
    this.state = 'failed'
    this.failure = error
    if (this.options.plain === undefined) this.writeError(error)
  }

  private conclude(): void {
    this.state = 'ended'
    this.writeEnd(this.totalUsage)
  }

  protected isComplete(): boolean {
    return this.calls.every((_, choice) => this.finishReasons[choice] !== undefined)
  }

  /** Whether the choice may still be written to; makes room for a new one, and starts an answer nobody started. */
  private admits(choice: number): boolean {
    if (this.state === 'new') this.start({})
    if (this.state !== 'started') return false
    while (this.calls.length <= choice) {
      if (this.calls.length > 0 || this.options.begun === undefined) this.writeChoice(this.calls.length)
      this.calls.push(0)
    }
    return true
  }
}

/** The provider's body ended properly, its answer did not. */
function incompleteAnswer(): ChatError {
  return ChatError.badUpstream('the provider ended its answer before it was complete', 'incomplete_answer')
}
