import type { ChatRequest } from '../chat.js'

/** The stop sequences as a list. An empty one stops nothing, and most APIs refuse it. */
export function stopSequences({ stop }: ChatRequest): string[] {
  return [stop ?? []].flat().filter((sequence) => sequence !== '')
}
