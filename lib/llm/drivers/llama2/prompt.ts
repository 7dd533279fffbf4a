import type { ChatMessage } from '../../chat.js'
import { ChatError } from '../../errors.js'
import { textsOf } from '../texts.js'

/** What one side said until the other one spoke. */
interface Turn {
  by: 'user' | 'assistant'
  text: string
}

/** A text that could be taken for the template's own marks: the model's makers refuse such a one, too. */
const MARKS = /\[\/?INST\]|<<\/?SYS>>/

/**
 * A conversation as the one text that Llama 2 was trained on: the system prompt is part of the first turn, each turn
 * starts anew, and what the model said stands between its turn's question and its end.
 *
 * Source: https://www.llama.com/docs/model-cards-and-prompt-formats/meta-llama-2/
 */
export function prompt(messages: ChatMessage[], dropped: string[]): string {
  const system: string[] = []
  const turns: Turn[] = []
  messages.forEach((message, i) => {
    const text = messageText(message, `messages[${i}]`, dropped)
    const isSystem = message.role === 'system' || message.role === 'developer'
    if (isSystem && turns.length === 0) system.push(text)
    else addToTurn(turns, message.role === 'assistant' ? 'assistant' : 'user', text)
  })
  if (turns[0]?.by !== 'user') turns.unshift({ by: 'user', text: '' })
  const [first] = turns
  if (first && system.length > 0) first.text = `<<SYS>>\n${system.join('\n\n')}\n<</SYS>>\n\n${first.text}`
  return turns.map((turn, i) => turnText(turn, i === turns.length - 1)).join('')
}

/** An answer that stands last is left open: the model goes on with it. */
function turnText({ by, text }: Turn, isLast: boolean): string {
  if (by === 'user') return `<s>[INST] ${text} [/INST]`
  return isLast ? ` ${text}` : ` ${text} </s>`
}

function addToTurn(turns: Turn[], by: Turn['by'], text: string): void {
  const last = turns.at(-1)
  if (last?.by === by) last.text += `\n\n${text}`
  else turns.push({ by, text })
}

function messageText(message: ChatMessage, path: string, dropped: string[]): string {
  if (message.role === 'tool') throw ChatError.badRequest('llama2 knows no tools', `${path}.role`)
  if (message.role === 'assistant' && message.tool_calls?.length) {
    throw ChatError.badRequest('llama2 knows no tools', `${path}.tool_calls`)
  }
  const text = contentText(message, `${path}.content`, dropped).trim()
  if (!MARKS.test(text)) return text
  throw ChatError.badRequest("text must not have the marks of llama2's prompt in it", `${path}.content`)
}

/** What is no text is dropped; a message of which nothing would be left is refused. */
function contentText({ content }: ChatMessage, path: string, dropped: string[]): string {
  const texts = textsOf(content, path, dropped)
  if (texts.length === 0 && content?.length) throw ChatError.badRequest('llama2 takes text only', path)
  return texts.join('\n')
}
