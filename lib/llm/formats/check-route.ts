import type { NativeRoute } from '../driver.js'
import { ChatError } from '../errors.js'
import type { JsonObject } from '../json.js'

/** Kong's checks that a body is a request of the route's kind, in Kong's words and order. */
export function checkRoute(body: JsonObject, route: NativeRoute): void {
  const { messages, prompt } = body
  const isChat = Array.isArray(messages) && messages.length > 0
  const isCompletion = typeof prompt === 'string' || (Array.isArray(prompt) && prompt.length > 0)
  if (!isChat && !isCompletion) {
    const param = route === 'llm/v1/chat' ? 'messages' : 'prompt'
    throw ChatError.badRequest("request body doesn't contain valid prompts", param)
  }
  if (isChat && isCompletion) {
    throw ChatError.badRequest('request matches multiple LLM request formats', 'prompt')
  }
  const format: NativeRoute = isChat ? 'llm/v1/chat' : 'llm/v1/completions'
  if (format !== route) {
    const message = `[${format}] message format is not compatible with [${route}] route type`
    throw ChatError.badRequest(message, isChat ? 'messages' : 'prompt')
  }
}
