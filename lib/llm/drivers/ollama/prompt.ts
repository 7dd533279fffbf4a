import type { ModelOptions } from '../../driver.js'
import { ChatError } from '../../errors.js'
import type { JsonObject } from '../../json.js'
import type { Message } from './types.js'

/** Whether the config names the API that takes one prompt. */
export function isGenerate({ upstream_url: url }: ModelOptions): boolean {
  return url !== undefined && URL.canParse(url) && /\/api\/generate\/?$/.test(new URL(url).pathname)
}

/**
 * A conversation of one question as a prompt.
 *
 * Source: https://docs.ollama.com/api/generate
 *
 * @throws ChatError 400 for any longer one, and for tools
 */
export function asPrompt(messages: Message[], tools: JsonObject[]): JsonObject {
  const system = messages.filter(({ role }) => role === 'system')
  const [question, ...more] = messages.filter(({ role }) => role !== 'system')
  if (question?.role !== 'user' || more.length > 0) {
    throw ChatError.badRequest("ollama's /api/generate takes a single user message", 'messages')
  }
  if (tools.length > 0) throw ChatError.badRequest("ollama's /api/generate takes no tools", 'tools')
  const { content: prompt, images } = question
  return {
    prompt,
    ...(images && { images }),
    ...(system.length > 0 && { system: system.map(({ content }) => content).join('\n\n') }),
  }
}
