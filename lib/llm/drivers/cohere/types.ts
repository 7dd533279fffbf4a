/**
 * Cohere's messages as far as they are written here. What the API answers is read field by field: see `answer.ts`.
 *
 * Source: https://docs.cohere.com/reference/chat
 */
export type Message =
  | { role: 'system'; content: string | TextBlock[] }
  | { role: 'user'; content: string | (TextBlock | ImageBlock)[] }
  | {
      role: 'assistant'
      content?: string | (TextBlock | ThinkingBlock)[]
      /** What the model thought before it called tools. */
      tool_plan?: string
      tool_calls?: ToolCall[]
    }
  | { role: 'tool'; tool_call_id: string; content: string | TextBlock[] }

export interface TextBlock {
  type: 'text'
  text: string
}

export interface ImageBlock {
  type: 'image_url'
  image_url: { url: string; detail?: string }
}

export interface ThinkingBlock {
  type: 'thinking'
  thinking: string
}

export interface ToolCall {
  id: string
  type: 'function'
  function: { name: string; arguments: string }
}
