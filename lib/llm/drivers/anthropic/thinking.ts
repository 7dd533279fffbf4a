import type { ChatMessage, ChatRequest } from '../../chat.js'
import { isObject, type JsonObject } from '../../json.js'
import { isEmpty } from '../dropped.js'
import { lookup } from '../lookup.js'

export interface PreparedThinking {
  thinking?: JsonObject
  effort?: string
  /** Tokens to keep free for thinking: `max_tokens` has to be above it. */
  budget: number
}

/** By `reasoning_effort`: thinking tokens, and what models that budget for themselves are told. */
const EFFORTS: Readonly<Record<string, { budget: number; effort: string }>> = {
  none: { budget: 0, effort: 'low' },
  minimal: { budget: 0, effort: 'low' },
  low: { budget: 1024, effort: 'low' },
  medium: { budget: 4096, effort: 'medium' },
  high: { budget: 16384, effort: 'high' },
  // No larger budget: the oldest models that think give 32000 tokens in all.
  xhigh: { budget: 16384, effort: 'xhigh' },
  max: { budget: 16384, effort: 'max' },
}

/**
 * OpenAI's `reasoning_effort`, or Anthropic's own `thinking`, which wins as the more exact of the two. The API refuses
 * to think before a forced tool call, and on from calls whose thinking it is not shown; there the thinking is dropped.
 *
 * Source: https://docs.claude.com/en/docs/build-with-claude/extended-thinking (and /adaptive-thinking, /effort)
 */
export function prepareThinking(
  chat: ChatRequest,
  adaptive: boolean,
  forcedTool: boolean,
  dropped: string[],
): PreparedThinking {
  const cannotThink = forcedTool || (!adaptive && answersUnsignedCalls(chat.messages))
  const requested = lookup(EFFORTS, chat.reasoning_effort)
  if (!requested && !isEmpty(chat.reasoning_effort)) dropped.push('reasoning_effort')
  const effort = adaptive && requested ? { effort: requested.effort } : {}

  if (isObject(chat.thinking)) {
    if (requested && !adaptive) dropped.push('reasoning_effort')
    if (cannotThink && chat.thinking.type !== 'disabled') {
      dropped.push('thinking')
      return { ...effort, budget: 0 }
    }
    const { budget_tokens: budget } = chat.thinking
    return { ...effort, thinking: chat.thinking, budget: typeof budget === 'number' ? budget : 0 }
  }
  if (!requested || requested.budget === 0) return { ...effort, budget: 0 }
  if (cannotThink) {
    if (!adaptive) dropped.push('reasoning_effort')
    return { ...effort, budget: 0 }
  }
  const { budget } = requested
  if (!adaptive) return { thinking: { type: 'enabled', budget_tokens: budget }, budget }
  // These models keep their thinking to themselves unless asked to show it.
  return { ...effort, thinking: { type: 'adaptive', display: 'summarized' }, budget }
}

/** Whether the results that came last answer calls whose signed thinking the client did not send back. */
function answersUnsignedCalls(messages: ChatMessage[]): boolean {
  const asked = messages.findLastIndex((message) => message.role === 'assistant')
  const last = messages[asked]
  const answersCalls = messages.slice(asked + 1).some((message) => message.role === 'tool')
  return answersCalls && last?.role === 'assistant' && !last.thinking_blocks?.some(isSigned)
}

/** Whether the API takes the block of thinking back. */
export function isSigned(block: unknown): block is JsonObject {
  return isObject(block) && (block.type === 'redacted_thinking' || typeof block.signature === 'string')
}
