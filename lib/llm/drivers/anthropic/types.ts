import type { ThinkingBlock } from '../../chat.js'
import type { Json, JsonObject } from '../../json.js'

/**
 * The Messages API as far as it is written here. What the API answers is read field by field and needs no types:
 * see `blocks.ts`.
 *
 * Source: https://docs.claude.com/en/api/messages
 */
export type Turn = { role: 'user' | 'assistant'; content: ContentBlock[] }

export type ContentBlock =
  | TextBlock
  | ImageBlock
  | DocumentBlock
  | ToolUseBlock
  | ToolResultBlock
  | ThinkingBlock
  | JsonObject

/** A point up to which the provider caches the prompt; passed through from where the client set it. */
type Cacheable = { cache_control?: Json }

export type TextBlock = Cacheable & { type: 'text'; text: string }

type Base64Source = { type: 'base64'; media_type: string; data: string }
type FileSource = { type: 'file'; file_id: string }

export type ImageBlock = Cacheable & {
  type: 'image'
  source: Base64Source | { type: 'url'; url: string }
}

export type DocumentBlock = Cacheable & {
  type: 'document'
  source: Base64Source | FileSource | { type: 'text'; media_type: 'text/plain'; data: string }
  title?: string
}

export type ToolUseBlock = Cacheable & { type: 'tool_use'; id: string; name: string; input: JsonObject }

export type ToolResultBlock = Cacheable & {
  type: 'tool_result'
  tool_use_id: string
  content?: ContentBlock[]
  is_error?: boolean
}

export type ToolChoice = {
  type: 'auto' | 'any' | 'tool' | 'none'
  name?: string
  disable_parallel_tool_use?: boolean
}
