import type { AssistantMessage, ChatMessage, ToolCall, ToolMessage } from '../../chat.js'
import { ChatError } from '../../errors.js'
import { isObject, type JsonObject } from '../../json.js'
import { ANSWER_NOTES, isEmpty, unusedFields } from '../dropped.js'
import { lookup } from '../lookup.js'
import { pick } from '../pick.js'
import { argumentsObject } from '../tool-arguments.js'
import { convertContent, textBlocks } from './content.js'
import { isSigned } from './thinking.js'
import type { ContentBlock, ToolResultBlock, ToolUseBlock, Turn } from './types.js'

export interface Conversation {
  system: ContentBlock[]
  messages: Turn[]
}

/**
 * OpenAI's messages as Anthropic's system prompt and alternating turns.
 *
 * All system and developer messages go to `system`, in order, wherever they stood: only some models take them among
 * the turns. Neighbours of one role become one turn, so the results of parallel calls stand together, with the user's
 * next words after them.
 *
 * Source: https://docs.claude.com/en/api/messages (and /docs/agents-and-tools/tool-use/implement-tool-use)
 */
export function convertMessages(messages: ChatMessage[], dropped: string[]): Conversation {
  const system: ContentBlock[] = []
  const turns: Turn[] = []
  messages.forEach((message, i) => {
    const path = `messages[${i}]`
    const role = lookup(ROLES, message.role)
    if (!role) throw ChatError.badRequest(`unknown role: ${message.role}`, `${path}.role`)
    dropped.push(...unusedFields(message, role.used, path))
    const blocks = withCachePoint(messageBlocks(message, path, dropped), message)
    if (role.place === 'system') system.push(...blocks)
    else addToTurn(turns, role.place, blocks)
  })
  trimPrefill(turns)
  // Turns there must be.
  if (turns.length === 0 && system.length > 0) {
    return { system: [], messages: [{ role: 'user', content: system }] }
  }
  return { system, messages: turns }
}

interface Role {
  place: 'system' | Turn['role']
  /** The fields that are read; any other is dropped. */
  used: ReadonlySet<string>
}

const COMMON = ['role', 'content', 'cache_control']

const ASSISTANT_FIELDS = ['refusal', 'tool_calls', 'thinking_blocks', 'reasoning_content']

const ROLES: Readonly<Record<string, Role>> = {
  system: { place: 'system', used: new Set(COMMON) },
  developer: { place: 'system', used: new Set(COMMON) },
  user: { place: 'user', used: new Set(COMMON) },
  tool: { place: 'user', used: new Set([...COMMON, 'tool_call_id', 'is_error']) },
  assistant: { place: 'assistant', used: new Set([...COMMON, ...ASSISTANT_FIELDS, ...ANSWER_NOTES]) },
}

function messageBlocks(message: ChatMessage, path: string, dropped: string[]): ContentBlock[] {
  if (message.role === 'tool') return [toolResult(message, path, dropped)]
  if (message.role === 'assistant') return assistantBlocks(message, path, dropped)
  return contentBlocks(message, path, dropped)
}

function contentBlocks(message: ChatMessage, path: string, dropped: string[]): ContentBlock[] {
  return convertContent(message.content, `${path}.content`, dropped)
}

/** Thinking first, as the API gave it, then what was said, then the calls. */
function assistantBlocks(message: AssistantMessage, path: string, dropped: string[]): ContentBlock[] {
  const thinking = thinkingBlocks(message, path, dropped)
  const said = isEmpty(message.content) ? [] : convertContent(message.content, `${path}.content`, dropped)
  const refused = textBlocks(message.refusal ?? '')
  const calls = (message.tool_calls ?? []).map((call, i) => toolUse(call, `${path}.tool_calls[${i}]`))
  return [...thinking, ...said, ...refused, ...calls]
}

/** Only signed thinking can be sent back: bare `reasoning_content` has no place in the API. */
function thinkingBlocks(message: AssistantMessage, path: string, dropped: string[]): ContentBlock[] {
  const blocks: unknown[] = message.thinking_blocks ?? []
  if (blocks.length === 0 && message.reasoning_content) dropped.push(`${path}.reasoning_content`)
  return blocks.filter((block, i): block is JsonObject => {
    const isKept = isSigned(block)
    if (!isKept) dropped.push(`${path}.thinking_blocks[${i}]`)
    return isKept
  })
}

function toolUse(call: ToolCall, path: string): ToolUseBlock {
  if (!isObject(call.function)) throw ChatError.badRequest('a tool call needs a function', `${path}.function`)
  return {
    type: 'tool_use',
    id: toolId(call.id, `${path}.id`),
    name: call.function.name,
    input: argumentsObject(call, path),
    ...pick(call, ['cache_control']),
  }
}

function toolResult(
  message: ToolMessage & { is_error?: boolean },
  path: string,
  dropped: string[],
): ToolResultBlock {
  const content = isEmpty(message.content) ? [] : contentBlocks(message, path, dropped)
  return {
    type: 'tool_result',
    tool_use_id: toolId(message.tool_call_id, `${path}.tool_call_id`),
    ...(content.length > 0 && { content }),
    ...(message.is_error === true && { is_error: true }),
  }
}

/** The API takes only ids of its own alphabet; other providers' (`functions.add:0`) are written in it. */
function toolId(id: unknown, path: string): string {
  if (typeof id !== 'string' || id === '') throw ChatError.badRequest('must be the id of a tool call', path)
  return id.replace(/[^a-zA-Z0-9_-]/g, '_')
}

function addToTurn(turns: Turn[], role: Turn['role'], blocks: ContentBlock[]): void {
  if (blocks.length === 0) return
  const last = turns.at(-1)
  if (last?.role === role) last.content.push(...blocks)
  else turns.push({ role, content: blocks })
}

/** A cache point set on a message stands after the last of its blocks. */
function withCachePoint(blocks: ContentBlock[], message: ChatMessage): ContentBlock[] {
  const last = blocks.at(-1)
  const mark = pick(message, ['cache_control'])
  return last && mark.cache_control ? [...blocks.slice(0, -1), { ...last, ...mark }] : blocks
}

/** The API refuses an answer to be continued that ends in white space. */
function trimPrefill(turns: Turn[]): void {
  const last = turns.at(-1)
  const block = last?.content.at(-1)
  if (last?.role !== 'assistant' || block?.type !== 'text' || typeof block.text !== 'string') return
  block.text = block.text.trimEnd()
}
