import type { Json, JsonObject } from './json.js'

/**
 * The chat completion request that clients send, as far as drivers read it. Fields not named here are kept
 * (`[field: string]`): a driver that knows them uses them, every other driver reports them as dropped.
 *
 * Source: https://platform.openai.com/docs/api-reference/chat/create
 */
export interface ChatRequest {
  model?: string
  messages: ChatMessage[]
  stream?: boolean
  stream_options?: { include_usage?: boolean } & JsonObject
  max_tokens?: number
  max_completion_tokens?: number
  temperature?: number
  top_p?: number
  top_k?: number
  n?: number
  stop?: string | string[]
  seed?: number
  presence_penalty?: number
  frequency_penalty?: number
  logit_bias?: JsonObject
  logprobs?: boolean
  top_logprobs?: number
  tools?: Tool[]
  tool_choice?: ToolChoice
  parallel_tool_calls?: boolean
  response_format?: ResponseFormat
  reasoning_effort?: string
  user?: string
  metadata?: JsonObject
  [field: string]: unknown
}

export type ChatMessage = SystemMessage | UserMessage | AssistantMessage | ToolMessage

export interface SystemMessage {
  role: 'system' | 'developer'
  content: string | TextPart[]
  name?: string
}

export interface UserMessage {
  role: 'user'
  content: string | ContentPart[]
  name?: string
}

export interface AssistantMessage {
  role: 'assistant'
  content?: string | (TextPart | RefusalPart)[] | null
  refusal?: string | null
  name?: string
  tool_calls?: ToolCall[]
  /** Our extra, given by an earlier answer: accepted back so that a provider can go on with its thinking. */
  reasoning_content?: string | null
  /** Our extra: Anthropic's and Bedrock's signed thinking, in Anthropic's form. */
  thinking_blocks?: ThinkingBlock[]
  /** Our extra: what a provider wants back with its text (`google.thought_signature`). */
  extra_content?: JsonObject
}

export interface ToolMessage {
  role: 'tool'
  content: string | ContentPart[]
  tool_call_id: string
}

/** Parts of other types, some provider's own, may stand among these: a driver that does not know one reports it as dropped. */
export type ContentPart = TextPart | ImagePart | AudioPart | FilePart

export interface TextPart {
  type: 'text'
  text: string
}
export interface RefusalPart {
  type: 'refusal'
  refusal: string
}
export interface ImagePart {
  type: 'image_url'
  /** `url` is http(s) or a data URL. */
  image_url: { url: string; detail?: string }
}
export interface AudioPart {
  type: 'input_audio'
  input_audio: { data: string; format: string }
}
export interface FilePart {
  type: 'file'
  /** `file_data` is a data URL (or bare base64 of a PDF). */
  file: { file_data?: string; file_id?: string; filename?: string }
}

export type ThinkingBlock =
  | { type: 'thinking'; thinking: string; signature: string }
  | { type: 'redacted_thinking'; data: string }

/** As with parts, tools of other types may stand among these. */
export interface Tool {
  type: 'function'
  function: { name: string; description?: string; parameters?: JsonObject; strict?: boolean | null }
}

export interface ToolCall {
  id: string
  type: 'function'
  /** `arguments` is JSON text. */
  function: { name: string; arguments: string }
  /** Our extra: what a provider wants back with its call (`google.thought_signature`). */
  extra_content?: JsonObject
}

export type ToolChoice =
  | 'none'
  | 'auto'
  | 'required'
  | { type: 'function'; function: { name: string } }
  | { type: 'allowed_tools'; allowed_tools: { mode: 'auto' | 'required'; tools: JsonObject[] } }

export type ResponseFormat =
  | { type: 'text' }
  | { type: 'json_object' }
  | {
      type: 'json_schema'
      json_schema: { name: string; description?: string; schema?: JsonObject; strict?: boolean | null }
    }

export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter' | 'function_call'

/** Token counts as OpenAI gives them; `total_tokens` is the provider's own where it sends one. */
export interface Usage {
  prompt_tokens: number
  completion_tokens: number
  total_tokens: number
  prompt_tokens_details?: { cached_tokens?: number } & Record<string, Json | undefined>
  completion_tokens_details?: { reasoning_tokens?: number } & Record<string, Json | undefined>
}
