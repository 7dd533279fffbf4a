import type { FinishReason } from '../../chat.js'
import { lookup } from '../lookup.js'

/**
 * `failed`: the model did not bring its answer to an end that anyone could use.
 *
 * Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html (`stopReason`)
 */
const FINISH_REASONS: Readonly<Record<string, FinishReason | 'failed'>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  tool_use: 'tool_calls',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  guardrail_intervened: 'content_filter',
  content_filtered: 'content_filter',
  malformed_model_output: 'failed',
  malformed_tool_use: 'failed',
}

/** A reason that is not in the table is a plain stop: the model did end there. */
export function mapStopReason(reason: string): FinishReason | 'failed' {
  return lookup(FINISH_REASONS, reason) ?? 'stop'
}
