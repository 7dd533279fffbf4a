import type { FinishReason } from '../chat.js'
import { ChatError } from '../errors.js'

/** Text completions know no tools. */
export function completionFinish(reason: FinishReason): FinishReason {
  return reason === 'tool_calls' || reason === 'function_call' ? 'stop' : reason
}

/** A completions request offers no tools, so a call of one is none of its answers. */
export function toolInCompletion(): ChatError {
  return ChatError.badUpstream('the provider called a tool in a text completion', 'unexpected_tool_call')
}
