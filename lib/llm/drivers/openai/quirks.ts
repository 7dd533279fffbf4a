/** How a server that speaks OpenAI's API differs from OpenAI's own. */
export interface Quirks {
  /** The models that know `max_completion_tokens` only. */
  reasoningModels?: RegExp
  /** The server knows `max_tokens` only. */
  noMaxCompletionTokens?: boolean
  /** The server knows no `stream_options`: it sends usage by itself, or never. */
  noStreamOptions?: boolean
  /** The server takes `top_k`, which OpenAI does not. */
  topK?: boolean
  /** The server knows no `developer` role: `system` means the same to it. */
  noDeveloperRole?: boolean
  /** The server refuses the `name` of a message. */
  noMessageNames?: boolean
  /** OpenAI's fields that the server refuses or ignores. */
  unsupported?: readonly string[]
  /** OpenAI's fields that the server has under another name. */
  renamed?: Readonly<Record<string, string>>
}
