import type { FinishReason, Usage } from '../../chat.js'
import { isText } from '../../formats/read.js'
import { newId } from '../../ids.js'
import { isObject, type Json, type JsonObject } from '../../json.js'
import type { AnswerMeta, Sink } from '../../sink.js'
import { lookup } from '../lookup.js'

/** A model that was only loaded or unloaded had nothing to say. */
const FINISH_REASONS: Readonly<Record<string, FinishReason>> = {
  stop: 'stop',
  length: 'length',
  load: 'stop',
  unload: 'stop',
}

/**
 * One answer, told to a sink. A whole one is a line like those of a stream, with everything in it.
 *
 * Source: https://docs.ollama.com/api/chat, /api/streaming
 */
export class OllamaAnswer {
  readonly #sink: Sink
  #started = false
  #calls = 0

  constructor(sink: Sink) {
    this.#sink = sink
  }

  /** Returns whether the line was the last. */
  line(line: JsonObject): boolean {
    if (!this.#started) this.#sink.start(meta(line))
    this.#started = true
    // `/api/generate` has no message, but its parts.
    const message = isObject(line.message)
      ? line.message
      : { content: line.response, thinking: line.thinking }
    if (isText(message.thinking)) this.#sink.reasoning(0, message.thinking)
    if (isText(message.content)) this.#sink.text(0, message.content)
    if (Array.isArray(line.logprobs) && line.logprobs.length > 0) {
      this.#sink.logprobs(0, line.logprobs.filter(isObject).map(logprob))
    }
    if (Array.isArray(message.tool_calls)) message.tool_calls.forEach((call) => this.#toolCall(call))
    if (line.done !== true) return false
    this.#finish(line)
    return true
  }

  /** Calls come whole, and from older servers without an id. */
  #toolCall(call: Json): void {
    if (!isObject(call) || !isObject(call.function)) return
    const { name, arguments: args } = call.function
    const number = this.#calls++
    this.#sink.toolStart(0, number, isText(call.id) ? call.id : newId('call_'), isText(name) ? name : '')
    this.#sink.toolArgs(0, number, typeof args === 'string' ? args || '{}' : JSON.stringify(args ?? {}))
  }

  #finish(line: JsonObject): void {
    const reason = lookup(FINISH_REASONS, line.done_reason) ?? 'stop'
    // Calls do not count as a reason of their own.
    this.#sink.finish(0, reason === 'stop' && this.#calls > 0 ? 'tool_calls' : reason)
    const usage = convertUsage(line)
    if (usage) this.#sink.usage(usage)
    this.#sink.done()
  }
}

function meta({ model, created_at: created }: JsonObject): AnswerMeta {
  const time = isText(created) ? Date.parse(created) : NaN
  return {
    ...(isText(model) && { model }),
    ...(!Number.isNaN(time) && { created: Math.floor(time / 1000) }),
  }
}

/** The last line's; a count of nothing is left out of it, as is that of a prompt that was cached. */
function convertUsage({ prompt_eval_count: prompt, eval_count: completion }: JsonObject): Usage | undefined {
  if (typeof prompt !== 'number' && typeof completion !== 'number') return undefined
  const counts = [prompt, completion].map((count) => (typeof count === 'number' ? count : 0))
  const [prompt_tokens = 0, completion_tokens = 0] = counts
  return { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens }
}

/** As OpenAI has them, but for what is empty. */
function logprob(item: JsonObject): JsonObject {
  return { bytes: null, top_logprobs: [], ...item }
}
