import type { FinishReason } from '../../chat.js'
import { lookup } from '../lookup.js'

/** https://docs.claude.com/en/api/handling-stop-reasons */
const FINISH_REASONS: Readonly<Record<string, FinishReason>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  // A server tool's loop was interrupted; the client may ask to go on.
  pause_turn: 'stop',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool_calls',
  refusal: 'content_filter',
}

/** A reason that is not in the table is a plain stop: the model did end there. */
export function mapStopReason(stopReason: string): FinishReason {
  return lookup(FINISH_REASONS, stopReason) ?? 'stop'
}
