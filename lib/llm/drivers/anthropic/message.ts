import { isObject, type JsonObject } from '../../json.js'
import type { AnswerMeta, Sink } from '../../sink.js'
import { lookup } from '../lookup.js'
import type { Blocks } from './blocks.js'
import { mapStopReason } from './finish.js'

/** Anthropic's name of the tier that served a request, in OpenAI's words. */
const SERVICE_TIERS: Readonly<Record<string, string>> = { standard: 'default', priority: 'priority' }

/** What a message, whole or just started, says of itself. */
export function messageMeta(message: JsonObject): AnswerMeta {
  const tier = isObject(message.usage) ? lookup(SERVICE_TIERS, message.usage.service_tier) : undefined
  const meta: AnswerMeta = {}
  if (typeof message.id === 'string') meta.id = message.id
  if (typeof message.model === 'string') meta.model = message.model
  if (tier !== undefined) meta.serviceTier = tier
  return meta
}

/**
 * Ends the choice by the `stop_reason` of a message or of its last delta; returns whether there was one. Why the
 * provider refused, where it says so, is the message's `refusal`.
 */
export function finishMessage(end: JsonObject, blocks: Blocks, sink: Sink): boolean {
  if (typeof end.stop_reason !== 'string') return false
  blocks.closeAll()
  const explanation = isObject(end.stop_details) ? end.stop_details.explanation : undefined
  if (end.stop_reason === 'refusal' && typeof explanation === 'string') sink.refusal(0, explanation)
  sink.finish(0, mapStopReason(end.stop_reason))
  return true
}
