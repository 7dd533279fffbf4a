import type { FinishReason } from '../../chat.js'
import { lookup } from '../lookup.js'

/**
 * `failed`: the model did not bring its answer to an end that anyone could use, such as a call that does not parse.
 *
 * Source: https://ai.google.dev/api/generate-content#FinishReason
 */
const FINISH_REASONS: Readonly<Record<string, FinishReason | 'failed'>> = {
  STOP: 'stop',
  MAX_TOKENS: 'length',
  SAFETY: 'content_filter',
  RECITATION: 'content_filter',
  LANGUAGE: 'content_filter',
  BLOCKLIST: 'content_filter',
  PROHIBITED_CONTENT: 'content_filter',
  SPII: 'content_filter',
  IMAGE_SAFETY: 'content_filter',
  IMAGE_PROHIBITED_CONTENT: 'content_filter',
  IMAGE_RECITATION: 'content_filter',
  MODEL_ARMOR: 'content_filter',
  MALFORMED_FUNCTION_CALL: 'failed',
  UNEXPECTED_TOOL_CALL: 'failed',
  TOO_MANY_TOOL_CALLS: 'failed',
  MISSING_THOUGHT_SIGNATURE: 'failed',
  MALFORMED_RESPONSE: 'failed',
}

/** A reason that is not in the table (`OTHER`, `NO_IMAGE`) is a plain stop: the model did end there. */
export function mapFinishReason(reason: string): FinishReason | 'failed' {
  return lookup(FINISH_REASONS, reason) ?? 'stop'
}
