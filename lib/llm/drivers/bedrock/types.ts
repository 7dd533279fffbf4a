import type { Json, JsonObject } from '../../json.js'

/**
 * The Converse API as far as it is written here. What the API answers is read field by field and needs no types: see
 * `blocks.ts`.
 *
 * Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
 */
export type Turn = { role: 'user' | 'assistant'; content: ContentBlock[] }

export type TextBlock = { text: string }
export type CachePointBlock = { cachePoint: { type: 'default'; ttl?: Json } }

/** Bytes are base64 in JSON. */
export type Source = { bytes: string } | { s3Location: { uri: string } }

export type MediaBlock =
  | { image: { format: string; source: Source } }
  | { video: { format: string; source: Source } }
  | { audio: { format: string; source: Source } }
  | { document: { format: string; name: string; source: Source } }

export type ToolUseBlock = { toolUse: { toolUseId: string; name: string; input: JsonObject } }

export type ToolResultBlock = {
  toolResult: { toolUseId: string; content: (ContentBlock | { json: JsonObject })[]; status?: 'error' }
}

export type ReasoningBlock = {
  reasoningContent: { reasoningText: { text: string; signature: string } } | { redactedContent: string }
}

export type ContentBlock =
  | TextBlock
  | CachePointBlock
  | MediaBlock
  | ToolUseBlock
  | ToolResultBlock
  | ReasoningBlock

export type ToolSpec = {
  name: string
  description?: string
  inputSchema: { json: JsonObject }
  strict?: true
}

export type ToolConfig = {
  tools: ({ toolSpec: ToolSpec } | CachePointBlock)[]
  toolChoice?: { auto: JsonObject } | { any: JsonObject } | { tool: { name: string } }
}
