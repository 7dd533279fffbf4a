import { isText } from '../../formats/read.js'
import { speak, type Spoken } from '../../frames/text-run.js'
import { isObject, type JsonObject } from '../../json.js'
import type { Sink } from '../../sink.js'

/** What has to be remembered of a block until it stops; what it said is with the sink already. */
type OpenBlock =
  | { kind: 'call'; call: number; hasArguments: boolean }
  | { kind: 'thinking'; thinking: string; signature: string }
  /** A call of the provider's own tool, which is its own business. */
  | { kind: 'server-call' }

/**
 * The content blocks of one answer, told to a sink. A whole answer goes the same way as a streamed one: each of its
 * blocks is started, said in one piece, and stopped.
 *
 * Extras of the message: `thinking_blocks`, the signed thinking in Anthropic's form, to be sent back; `citations`, as
 * they came, in the order of the text that they support.
 *
 * Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html and
 * API_runtime_ContentBlockDelta.html
 */
export class Blocks {
  readonly #sink: Sink
  readonly #open = new Map<unknown, OpenBlock>()
  #calls = 0

  constructor(sink: Sink) {
    this.#sink = sink
  }

  /** `contentBlockStart`; only calls have one. */
  start(index: unknown, { toolUse }: JsonObject): void {
    this.stop(index)
    if (!isObject(toolUse)) return
    if (toolUse.type === 'server_tool_use') {
      this.#open.set(index, { kind: 'server-call' })
      return
    }
    const call = this.#calls++
    this.#open.set(index, { kind: 'call', call, hasArguments: false })
    const { toolUseId: id, name } = toolUse
    this.#sink.toolStart(0, call, isText(id) ? id : `call_${call}`, isText(name) ? name : '')
  }

  /** `contentBlockDelta`. False if it goes on with a call that never started. */
  delta(index: unknown, delta: JsonObject): Spoken | boolean {
    if (isText(delta.text)) return this.#say(delta.text) ?? true
    if (isObject(delta.reasoningContent)) return this.#reason(index, delta.reasoningContent) ?? true
    if (isObject(delta.citation)) this.#sink.extra(0, 'citations', [delta.citation])
    else if (isObject(delta.toolUse)) return this.#argue(index, delta.toolUse.input)
    return true
  }

  /** `contentBlockStop`. */
  stop(index: unknown): void {
    const block = this.#open.get(index)
    this.#open.delete(index)
    if (block?.kind === 'call' && !block.hasArguments) this.#sink.toolArgs(0, block.call, '{}')
    // Unsigned thinking is refused when it is sent back.
    if (block?.kind === 'thinking' && block.signature !== '') {
      const { thinking, signature } = block
      this.#sink.extra(0, 'thinking_blocks', [{ type: 'thinking', thinking, signature }])
    }
  }

  stopAll(): void {
    for (const index of this.#open.keys()) this.stop(index)
  }

  /** A block of a whole answer. */
  whole(index: number, block: JsonObject): void {
    const { toolUse, reasoningContent: reasoning, citationsContent: cited } = block
    if (isObject(toolUse)) {
      this.start(index, block)
      this.delta(index, { toolUse: { input: JSON.stringify(toolUse.input ?? {}) } })
    } else if (isObject(reasoning)) {
      if (isObject(reasoning.reasoningText)) this.delta(index, { reasoningContent: reasoning.reasoningText })
      else this.delta(index, block)
    } else if (isObject(cited)) {
      for (const content of objects(cited.content)) this.delta(index, content)
      for (const citation of objects(cited.citations)) this.delta(index, { citation })
    } else this.delta(index, block)
    this.stop(index)
  }

  #say(text: string): Spoken | undefined {
    return speak(
      text,
      (said) => this.#sink.text(0, said),
      (texts) => this.#sink.texts(0, texts),
    )
  }

  #reason(index: unknown, { text, signature, redactedContent }: JsonObject): Spoken | undefined {
    if (isText(redactedContent)) {
      this.#sink.extra(0, 'thinking_blocks', [{ type: 'redacted_thinking', data: redactedContent }])
      return undefined
    }
    const known = this.#open.get(index)
    const block: OpenBlock & { kind: 'thinking' } =
      known?.kind === 'thinking' ? known : { kind: 'thinking', thinking: '', signature: '' }
    this.#open.set(index, block)
    if (isText(signature)) block.signature += signature
    const spoken = speak(text, (thought) => {
      block.thinking += thought
      this.#sink.reasoning(0, thought)
    })
    return isText(signature) ? undefined : spoken
  }

  #argue(index: unknown, input: unknown): Spoken | boolean {
    const block = this.#open.get(index)
    if (block?.kind !== 'call') return block !== undefined
    const spoken = speak(input, (text) => {
      block.hasArguments = true
      this.#sink.toolArgs(0, block.call, text)
    })
    return spoken ?? true
  }
}

function objects(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : []
}
