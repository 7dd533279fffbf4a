import type { ChatRequest } from '../chat.js'

/** What a top-level field says when it asks for nothing but the default: a driver may leave it out without a word. */
const DEFAULTS: Readonly<Record<string, string>> = {
  n: '1',
  presence_penalty: '0',
  frequency_penalty: '0',
  top_logprobs: '0',
  modalities: '["text"]',
  verbosity: '"medium"',
  parallel_tool_calls: 'true',
  tool_choice: '"auto"',
}

/**
 * What an earlier answer, perhaps of another provider, said of itself: sent back with an assistant's message, it asks for
 * nothing.
 */
export const ANSWER_NOTES: readonly string[] = ['annotations', 'citations', 'extra_content']

/** Whether a value asks for nothing whatever the field: null, false, nothing in it. */
export function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === '') return true
  if (typeof value !== 'object') return false
  return Array.isArray(value) ? value.length === 0 : Object.keys(value).length === 0
}

/** Whether a top-level field asks for nothing but what every provider does unasked. */
export function asksForNothing(field: string, value: unknown): boolean {
  if (value === false && field === 'parallel_tool_calls') return false
  return isEmpty(value) || JSON.stringify(value) === DEFAULTS[field]
}

/** The paths of those fields of `object` that ask for something and are not in `used`. */
export function unusedFields(object: object, used: ReadonlySet<string>, path: string): string[] {
  const unused: string[] = []
  for (const field of Object.keys(object)) {
    if (!used.has(field) && !isEmpty(object[field as keyof object])) unused.push(`${path}.${field}`)
  }
  return unused
}

/** The top-level fields of the request that ask for something and are not in `used`. */
export function unusedRequestFields(chat: ChatRequest, used: ReadonlySet<string>): string[] {
  return Object.keys(chat).filter((field) => !used.has(field) && !asksForNothing(field, chat[field]))
}
