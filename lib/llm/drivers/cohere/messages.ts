import type { AssistantMessage, ChatMessage, ContentPart } from '../../chat.js'
import { ChatError } from '../../errors.js'
import { ANSWER_NOTES, unusedFields } from '../dropped.js'
import { lookup } from '../lookup.js'
import { textsOf } from '../texts.js'
import { argumentsText } from '../tool-arguments.js'
import type { ImageBlock, Message, TextBlock, ThinkingBlock } from './types.js'

/**
 * OpenAI's messages as Cohere's: each stays one, in its place. An assistant's with nothing in it, which the API refuses,
 * is left out.
 *
 * Source: https://docs.cohere.com/reference/chat, /docs/image-inputs, /docs/tool-use-overview
 */
export function convertMessages(messages: ChatMessage[], dropped: string[]): Message[] {
  return messages.flatMap((message, i): Message | [] => {
    const path = `messages[${i}]`
    const used = lookup(USED, message.role)
    if (!used) throw ChatError.badRequest(`unknown role: ${message.role}`, `${path}.role`)
    dropped.push(...unusedFields(message, used, path))
    switch (message.role) {
      case 'system':
      case 'developer':
        return { role: 'system', content: textContent(message.content, `${path}.content`, dropped) }
      case 'user':
        return { role: 'user', content: userContent(message.content, `${path}.content`, dropped) }
      case 'tool':
        return {
          role: 'tool',
          tool_call_id: message.tool_call_id,
          content: textContent(message.content, `${path}.content`, dropped),
        }
      default:
        return assistantMessage(message, path, dropped)
    }
  })
}

const COMMON = ['role', 'content']
const ASSISTANT_FIELDS = ['refusal', 'tool_calls', 'reasoning_content']

/** The fields of each role that are read; any other is dropped. */
const USED: Readonly<Record<string, ReadonlySet<string>>> = {
  system: new Set(COMMON),
  developer: new Set(COMMON),
  user: new Set(COMMON),
  tool: new Set([...COMMON, 'tool_call_id']),
  assistant: new Set([...COMMON, ...ASSISTANT_FIELDS, ...ANSWER_NOTES]),
}

/** Thoughts that led to calls are their plan, all others stand before the text. */
function assistantMessage(message: AssistantMessage, path: string, dropped: string[]): Message | [] {
  const { reasoning_content: thinking, tool_calls: calls = [] } = message
  const said = textsOf(message.content, `${path}.content`, dropped)
  const texts = [...said, message.refusal ?? ''].filter((text) => text !== '')
  const blocks: (TextBlock | ThinkingBlock)[] = texts.map((text) => ({ type: 'text', text }))
  if (thinking && calls.length === 0) blocks.unshift({ type: 'thinking', thinking })
  if (blocks.length + calls.length === 0) return []
  return {
    role: 'assistant',
    ...(blocks.length > 0 && { content: blocks }),
    ...(thinking && calls.length > 0 && { tool_plan: thinking }),
    ...(calls.length > 0 && {
      tool_calls: calls.map((call) => ({
        id: call.id,
        type: 'function',
        function: { name: call.function.name, arguments: argumentsText(call) },
      })),
    }),
  }
}

/** For what the API takes as text only. */
function textContent(content: string | ContentPart[], path: string, dropped: string[]): string | TextBlock[] {
  if (typeof content === 'string') return content
  return someBlocks(content, path, (part, partPath) => {
    if (part.type === 'text') return [{ type: 'text', text: part.text }]
    dropped.push(partPath)
    return []
  })
}

function userContent(
  content: string | ContentPart[],
  path: string,
  dropped: string[],
): string | (TextBlock | ImageBlock)[] {
  if (typeof content === 'string') return content
  return someBlocks<TextBlock | ImageBlock>(content, path, (part, partPath) => {
    if (part.type === 'text') return [{ type: 'text', text: part.text }]
    if (part.type === 'image_url') {
      const { url, detail } = part.image_url
      return [{ type: 'image_url', image_url: { url, ...(detail != null && { detail }) } }]
    }
    dropped.push(partPath)
    return []
  })
}

/** A part that the API cannot express is dropped; a message of which nothing would be left is refused. */
function someBlocks<Block>(
  content: ContentPart[],
  path: string,
  convert: (part: ContentPart, path: string) => Block[],
): Block[] {
  const blocks = content.flatMap((part, i) => convert(part, `${path}[${i}]`))
  if (blocks.length === 0 && content.length > 0) {
    throw ChatError.badRequest('cohere cannot take any part of this content', path)
  }
  return blocks
}
