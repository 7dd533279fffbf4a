import type { FinishReason } from '../../chat.js'
import { isObject, type Json, type JsonObject } from '../../json.js'
import type { Sink } from '../../sink.js'
import { lookup } from '../lookup.js'

const FINISH_REASONS: Readonly<Record<string, FinishReason>> = {
  eos_token: 'stop',
  stop_sequence: 'stop',
  length: 'length',
}

/**
 * Ends an answer by its details: why it ended and, where both sides were counted, its tokens. Servers that give no
 * details leave it at a plain stop.
 *
 * Source: https://huggingface.github.io/text-generation-inference/ (`Details`, `StreamDetails`)
 */
export function finishAnswer(details: Json | undefined, sink: Sink): void {
  const said: JsonObject = isObject(details) ? details : {}
  sink.finish(0, lookup(FINISH_REASONS, said.finish_reason) ?? 'stop')
  const prompt = promptTokens(said)
  const { generated_tokens: completion } = said
  if (prompt !== undefined && typeof completion === 'number') {
    sink.usage({
      prompt_tokens: prompt,
      completion_tokens: completion,
      total_tokens: prompt + completion,
    })
  }
  sink.done()
}

/** A whole answer lists them instead of counting, if at all. */
function promptTokens({ input_length: length, prefill }: JsonObject): number | undefined {
  if (typeof length === 'number') return length
  return Array.isArray(prefill) && prefill.length > 0 ? prefill.length : undefined
}
