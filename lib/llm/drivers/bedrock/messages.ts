import type { AssistantMessage, ChatMessage, ToolCall, ToolMessage } from '../../chat.js'
import { ChatError } from '../../errors.js'
import { isObject } from '../../json.js'
import { unusedFields } from '../dropped.js'
import { argumentsObject } from '../tool-arguments.js'
import { cachePoint, convertContent, documentNames, textBlocks } from './content.js'
import type { ModelTraits } from './model.js'
import type { ContentBlock, ReasoningBlock, ToolResultBlock, ToolUseBlock, Turn } from './types.js'

export interface Conversation {
  system: ContentBlock[]
  messages: Turn[]
  /** The functions that earlier turns called: the API wants to know of them even where no tools are offered. */
  calledFunctions: ReadonlySet<string>
}

/** What each role's messages are read for. `annotations` and the like are an earlier answer's, sent back. */
const USED: Readonly<Record<ChatMessage['role'], ReadonlySet<string>>> = {
  system: new Set(['role', 'content', 'cache_control']),
  developer: new Set(['role', 'content', 'cache_control']),
  user: new Set(['role', 'content', 'cache_control']),
  tool: new Set(['role', 'content', 'cache_control', 'tool_call_id', 'is_error']),
  assistant: new Set(
    [
      ['role', 'content', 'cache_control', 'refusal', 'tool_calls', 'thinking_blocks'],
      ['reasoning_content', 'annotations', 'citations'],
    ].flat(),
  ),
}

/**
 * OpenAI's messages as system prompts and alternating turns: neighbours of one role become one, so the results of
 * parallel calls stand together.
 *
 * Source: https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-call.html
 */
export function convertMessages(
  messages: ChatMessage[],
  traits: ModelTraits,
  dropped: string[],
): Conversation {
  const system: ContentBlock[] = []
  const turns: Turn[] = []
  const calledFunctions = new Set<string>()
  const nameDocument = documentNames()

  messages.forEach((message, i) => {
    const path = `messages[${i}]`
    if (!isObject(message)) throw ChatError.badRequest('a message must be an object', path)
    if (!Object.hasOwn(USED, message.role)) {
      throw ChatError.badRequest(`unknown role: ${JSON.stringify(message.role)}`, `${path}.role`)
    }
    dropped.push(...unusedFields(message, USED[message.role], path))
    switch (message.role) {
      case 'system':
      case 'developer':
        system.push(...content(message.content, path), ...cachePoint(message))
        break
      case 'user':
        addBlocks('user', [...content(message.content, path), ...cachePoint(message)])
        break
      case 'tool':
        addBlocks('user', [toolResult(message, path), ...cachePoint(message)])
        break
      case 'assistant':
        addBlocks('assistant', [...assistantBlocks(message, path), ...cachePoint(message)])
        break
    }
  })

  // Turns there must be, and a model without system prompts is told as the user.
  if (traits.takesSystem && turns.length > 0) return { system, messages: turns, calledFunctions }
  const [first] = turns
  if (first?.role === 'user') first.content.unshift(...system)
  else if (system.length > 0) turns.unshift({ role: 'user', content: system })
  return { system: [], messages: turns, calledFunctions }

  function content(value: unknown, path: string): ContentBlock[] {
    return convertContent(value, `${path}.content`, nameDocument, dropped)
  }

  function addBlocks(role: Turn['role'], blocks: ContentBlock[]): void {
    if (blocks.length === 0) return
    const last = turns.at(-1)
    if (last?.role === role) last.content.push(...blocks)
    else turns.push({ role, content: blocks })
  }

  function assistantBlocks(message: AssistantMessage, path: string): ContentBlock[] {
    return [
      ...reasoningBlocks(message, path),
      ...(message.content == null ? [] : content(message.content, path)),
      ...textBlocks(message.refusal ?? ''),
      ...(message.tool_calls ?? []).map((call, i) => toolUse(call, `${path}.tool_calls[${i}]`)),
    ]
  }

  /** Thinking goes back as it came, signed; without a signature the model has no use for it. */
  function reasoningBlocks(message: AssistantMessage, path: string): ReasoningBlock[] {
    return (message.thinking_blocks ?? []).flatMap((block, i): ReasoningBlock[] => {
      if (block.type === 'redacted_thinking') return [{ reasoningContent: { redactedContent: block.data } }]
      if (block.signature) {
        return [{ reasoningContent: { reasoningText: { text: block.thinking, signature: block.signature } } }]
      }
      dropped.push(`${path}.thinking_blocks[${i}]`)
      return []
    })
  }

  function toolUse(call: ToolCall, path: string): ToolUseBlock {
    const { name } = call.function
    const input = argumentsObject(call, path)
    calledFunctions.add(name)
    return { toolUse: { toolUseId: toolId(call.id), name, input } }
  }

  function toolResult(message: ToolMessage & { is_error?: boolean }, path: string): ToolResultBlock {
    const said = content(message.content, path)
    return {
      toolResult: {
        toolUseId: toolId(message.tool_call_id),
        content: said.length > 0 ? said : NOTHING,
        ...(message.is_error === true && { status: 'error' }),
      },
    }
  }
}

/** The API refuses a result with nothing in it, and blank texts. */
const NOTHING: ToolResultBlock['toolResult']['content'] = [{ json: {} }]

/** The API takes only ids of its own alphabet and length; other providers' are written in it. */
function toolId(id: string): string {
  return id.replace(/[^a-zA-Z0-9_-]/g, '_').slice(-64)
}
