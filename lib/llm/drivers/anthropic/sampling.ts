import type { ChatRequest } from '../../chat.js'
import type { ModelOptions } from '../../driver.js'
import type { JsonObject } from '../../json.js'
import type { ModelTraits } from './model.js'

/** Which values of each parameter are taken. */
interface Limits {
  temperature(value: number): boolean
  top_p(value: number): boolean
  top_k(value: number): boolean
}

const any = (): boolean => true
const PLAIN: Limits = { temperature: (t) => t <= 1, top_p: any, top_k: any }
const THINKING: Limits = { temperature: (t) => t === 1, top_p: (p) => p >= 0.95, top_k: () => false }
const ADAPTIVE_ONLY: Limits = { temperature: (t) => t === 1, top_p: (p) => p >= 0.99, top_k: () => false }

/**
 * `temperature`, `top_p` and `top_k`, the request's before the config's. What the model would refuse is dropped;
 * a temperature on OpenAI's scale (0 to 2) above Anthropic's (0 to 1) becomes 1, and counts as dropped as well.
 *
 * Source: https://docs.claude.com/en/api/messages (and /docs/build-with-claude/extended-thinking)
 */
export function prepareSampling(
  chat: ChatRequest,
  options: ModelOptions,
  traits: ModelTraits,
  isThinking: boolean,
  dropped: string[],
): JsonObject {
  const limits = traits.adaptiveOnly ? ADAPTIVE_ONLY : isThinking ? THINKING : PLAIN
  const body: JsonObject = {}
  for (const name of ['temperature', 'top_p', 'top_k'] as const) {
    const value = chat[name] ?? options[name]
    if (typeof value !== 'number') continue
    const isSecond = name === 'top_p' && traits.oneSampling && body.temperature !== undefined
    if (limits[name](value) && !isSecond) {
      body[name] = value
      continue
    }
    if (limits === PLAIN && name === 'temperature') body.temperature = 1
    if (chat[name] != null) dropped.push(name)
  }
  return body
}
