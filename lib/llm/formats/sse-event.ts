import type { ChatError } from '../errors.js'

/** Ends a good stream, and nothing else. */
export const DONE_EVENT = 'data: [DONE]\n\n'

/** The one event that ends a failed stream: OpenAI's error object, without an `event:` line. */
export function errorEvent(error: ChatError): string {
  return `data: ${JSON.stringify(error.toBody())}\n\n`
}
