import type { AssistantMessage, ChatMessage } from '../../chat.js'
import { ChatError } from '../../errors.js'
import { ANSWER_NOTES, isEmpty, unusedFields } from '../dropped.js'
import { lookup } from '../lookup.js'
import { argumentsObject } from '../tool-arguments.js'
import { convertContent } from './content.js'
import type { Message, ToolCall } from './types.js'

/**
 * OpenAI's messages as Ollama's: each stays one, in its place. A tool's result names the function besides the call.
 *
 * Source: https://docs.ollama.com/api/chat, /capabilities/tool-calling
 */
export function convertMessages(messages: ChatMessage[], dropped: string[]): Message[] {
  const names = new Map<string, string>()
  return messages.map((message, i) => {
    const path = `messages[${i}]`
    const role = lookup(ROLES, message.role)
    if (!role) throw ChatError.badRequest(`unknown role: ${message.role}`, `${path}.role`)
    dropped.push(...unusedFields(message, role.used, path))
    const content = isEmpty(message.content)
      ? { content: '' }
      : convertContent(message.content, `${path}.content`, dropped)
    if (message.role === 'tool') {
      const name = names.get(message.tool_call_id)
      return {
        role: 'tool',
        ...content,
        ...(name !== undefined && { tool_name: name }),
        tool_call_id: message.tool_call_id,
      }
    }
    if (message.role !== 'assistant') return { role: role.name, ...content }
    const calls = toolCalls(message, path)
    for (const call of calls) names.set(call.id, call.function.name)
    return {
      role: 'assistant',
      content: content.content + (message.refusal ?? ''),
      ...(message.reasoning_content && { thinking: message.reasoning_content }),
      ...(calls.length > 0 && { tool_calls: calls }),
    }
  })
}

interface Role {
  name: Message['role']
  /** The fields that are read; any other is dropped. */
  used: ReadonlySet<string>
}

const ASSISTANT_FIELDS = ['refusal', 'tool_calls', 'reasoning_content']

const ROLES: Readonly<Record<string, Role>> = {
  system: { name: 'system', used: new Set(['role', 'content']) },
  developer: { name: 'system', used: new Set(['role', 'content']) },
  user: { name: 'user', used: new Set(['role', 'content']) },
  tool: { name: 'tool', used: new Set(['role', 'content', 'tool_call_id']) },
  assistant: { name: 'assistant', used: new Set(['role', 'content', ...ASSISTANT_FIELDS, ...ANSWER_NOTES]) },
}

function toolCalls({ tool_calls: calls }: AssistantMessage, path: string): ToolCall[] {
  return (calls ?? []).map((call, i) => ({
    id: call.id,
    function: { name: call.function.name, arguments: argumentsObject(call, `${path}.tool_calls[${i}]`) },
  }))
}
