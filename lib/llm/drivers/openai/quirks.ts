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
}
