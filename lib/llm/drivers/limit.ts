import type { ChatRequest } from '../chat.js'
import type { ModelOptions } from '../driver.js'

/** The smallest limit on the answer's tokens that request or config set; `undefined` where neither does. */
export function smallestLimit(chat: ChatRequest, options: ModelOptions): number | undefined {
  const limits = [chat.max_completion_tokens, chat.max_tokens, options.max_tokens]
  const set = limits.filter((limit) => typeof limit === 'number')
  return set.length > 0 ? Math.min(...set) : undefined
}
