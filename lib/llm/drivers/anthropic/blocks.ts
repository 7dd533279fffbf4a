import { isText } from '../../formats/read.js'
import { speak, type Spoken } from '../../frames/text-run.js'
import { isObject, type Json, type JsonObject } from '../../json.js'
import type { Sink } from '../../sink.js'

/** One content block of an answer, from its start until nothing more comes. What it said is with the sink already. */
interface OpenBlock {
  delta(delta: JsonObject): Spoken | void
  close(): void
}

/**
 * The content blocks of one answer, told to a sink. A whole answer goes the same way as a streamed one: each of its
 * blocks is opened with all that is in it, and closed.
 *
 * Blocks that are the provider's own business (its server tools with their results) and those that nobody knows are
 * passed over.
 *
 * Extras of the message: `thinking_blocks`, the signed blocks as the API wants them back; `citations`, Anthropic's
 * citation objects as they came, in the order of the text that they support.
 *
 * Source: https://docs.claude.com/en/api/messages (`content`) and /docs/build-with-claude/streaming
 */
export class Blocks {
  readonly #sink: Sink
  readonly #open = new Map<unknown, OpenBlock>()
  #calls = 0

  constructor(sink: Sink) {
    this.#sink = sink
  }

  /** `block` is as the API sends it; `index` tells blocks apart that are open at the same time. */
  open(index: unknown, block: JsonObject): void {
    this.close(index)
    this.#open.set(index, this.#start(block))
  }

  has(index: unknown): boolean {
    return this.#open.has(index)
  }

  /** Of a block that there is. */
  delta(index: unknown, delta: JsonObject): Spoken | void {
    return this.#open.get(index)?.delta(delta)
  }

  close(index: unknown): void {
    this.#open.get(index)?.close()
    this.#open.delete(index)
  }

  closeAll(): void {
    for (const index of this.#open.keys()) this.close(index)
  }

  #start(block: JsonObject): OpenBlock {
    switch (block.type) {
      case 'text':
        return textBlock(this.#sink, block)
      case 'thinking':
        return thinkingBlock(this.#sink, block)
      case 'redacted_thinking':
        return redactedThinkingBlock(this.#sink, block)
      case 'tool_use':
        return toolUseBlock(this.#sink, block, this.#calls++)
      default:
        return PASSED_OVER
    }
  }
}

const nothing = (): void => {}

const PASSED_OVER: OpenBlock = { delta: nothing, close: nothing }

function textBlock(sink: Sink, block: JsonObject): OpenBlock {
  speak(block.text, say)
  if (Array.isArray(block.citations)) cite(block.citations)
  return {
    delta(delta): Spoken | void {
      if (delta.type === 'text_delta') return speak(delta.text, say, sayAll)
      if (delta.type === 'citations_delta' && isObject(delta.citation)) cite([delta.citation])
    },
    close: nothing,
  }

  function say(text: string): void {
    sink.text(0, text)
  }
  function sayAll(texts: readonly string[]): void {
    sink.texts(0, texts)
  }
  function cite(citations: Json[]): void {
    if (citations.length > 0) sink.extra(0, 'citations', citations)
  }
}

function thinkingBlock(sink: Sink, block: JsonObject): OpenBlock {
  let thinking = ''
  let signature = ''
  speak(block.thinking, think)
  sign(block.signature)
  return {
    delta(delta): Spoken | void {
      if (delta.type === 'thinking_delta') return speak(delta.thinking, think)
      if (delta.type === 'signature_delta') sign(delta.signature)
    },
    close() {
      // Unsigned thinking is refused when it is sent back.
      if (signature !== '') sink.extra(0, 'thinking_blocks', [{ type: 'thinking', thinking, signature }])
    },
  }

  function think(text: string): void {
    thinking += text
    sink.reasoning(0, text)
  }
  function sign(text: unknown): void {
    if (isText(text)) signature += text
  }
}

function redactedThinkingBlock(sink: Sink, block: JsonObject): OpenBlock {
  const { data } = block
  if (isText(data)) sink.extra(0, 'thinking_blocks', [{ type: 'redacted_thinking', data }])
  return PASSED_OVER
}

function toolUseBlock(sink: Sink, block: JsonObject, call: number): OpenBlock {
  sink.toolStart(0, call, isText(block.id) ? block.id : `call_${call}`, isText(block.name) ? block.name : '')
  let hasArguments = false
  // A stream starts with `{}` and sends the input in pieces, or with the whole input and sends none.
  const isWhole = isObject(block.input) && Object.keys(block.input).length > 0
  if (isWhole) say(JSON.stringify(block.input))
  return {
    delta(delta): Spoken | void {
      if (delta.type === 'input_json_delta' && !isWhole) return speak(delta.partial_json, say)
    },
    close() {
      if (!hasArguments) say('{}')
    },
  }

  function say(text: string): void {
    if (text === '') return
    hasArguments = true
    sink.toolArgs(0, call, text)
  }
}
