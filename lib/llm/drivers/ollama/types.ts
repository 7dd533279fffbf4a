import type { JsonObject } from '../../json.js'

/**
 * Ollama's messages as far as they are written here. What it answers is read field by field: see `answer.ts`.
 *
 * Source: https://docs.ollama.com/api/chat
 */
export interface Message {
  role: 'system' | 'user' | 'assistant' | 'tool'
  content: string
  /** Base64, without a media type. Sounds go here, too. */
  images?: string[]
  thinking?: string
  tool_calls?: ToolCall[]
  /** Of a tool's result: which function gave it, and for which call. */
  tool_name?: string
  tool_call_id?: string
}

export interface ToolCall {
  id: string
  function: { name: string; arguments: JsonObject }
}
