import type { ChatMessage } from '../chat.js'

/** The texts of a message, refusals among them, for what a provider takes as text only. Other parts are dropped. */
export function textsOf(content: ChatMessage['content'], path: string, dropped: string[]): string[] {
  if (typeof content === 'string') return [content]
  return (content ?? []).flatMap((part, i) => {
    if (part.type === 'text') return [part.text]
    if (part.type === 'refusal') return [part.refusal]
    dropped.push(`${path}[${i}]`)
    return []
  })
}
