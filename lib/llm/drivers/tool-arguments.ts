import type { ToolCall } from '../chat.js'
import { ChatError } from '../errors.js'
import { isObject, type JsonObject, parseJson } from '../json.js'

/** The arguments of a call as JSON text: one without any is often written as no text at all, which no provider reads. */
export function argumentsText({ function: { arguments: text } }: ToolCall): string {
  return text.trim() === '' ? '{}' : text
}

/** The arguments of the call at `path`. @throws ChatError 400 where they are no object */
export function argumentsObject(call: ToolCall, path: string): JsonObject {
  const value = parseJson(argumentsText(call))
  if (isObject(value)) return value
  throw ChatError.badRequest('arguments must be the JSON text of an object', `${path}.function.arguments`)
}
