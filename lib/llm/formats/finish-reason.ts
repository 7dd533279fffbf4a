import type { FinishReason } from '../chat.js'

/** OpenAI's own reasons, and what compatible servers say instead. */
const REASONS: ReadonlyMap<unknown, FinishReason | 'error'> = new Map([
  ['stop', 'stop'],
  ['length', 'length'],
  ['tool_calls', 'tool_calls'],
  ['content_filter', 'content_filter'],
  ['function_call', 'function_call'],
  ['eos', 'stop'],
  ['eos_token', 'stop'],
  ['stop_sequence', 'stop'],
  ['end_turn', 'stop'],
  ['max_tokens', 'length'],
  ['model_length', 'length'],
  ['tool_use', 'tool_calls'],
  ['safety', 'content_filter'],
  ['error', 'error'],
  ['insufficient_system_resource', 'error'],
])

/** `undefined` while the choice goes on: some servers say `""` for null. A reason nobody knows is a stop. */
export function readFinishReason(value: unknown): FinishReason | 'error' | undefined {
  if (typeof value !== 'string' || value === '') return undefined
  return REASONS.get(value) ?? 'stop'
}
