import { createHash } from 'node:crypto'
import type { AssistantMessage, ChatMessage, ContentPart } from '../../chat.js'
import { ChatError } from '../../errors.js'
import type { JsonObject } from '../../json.js'
import { parseDataUrl } from '../data-url.js'
import { unusedFields } from '../dropped.js'
import { lookup } from '../lookup.js'

/**
 * OpenAI's messages with Mistral's parts in them. A field that Mistral does not know is dropped: it would refuse it.
 *
 * Source: https://docs.mistral.ai/api/endpoint/chat (`messages`), /capabilities/vision, /capabilities/reasoning
 */
export function convertMessages(messages: ChatMessage[], dropped: string[]): object[] {
  return messages.map((message, i) => {
    const path = `messages[${i}]`
    if (message.role === 'assistant') return assistantMessage(message, path, dropped)
    const content = convertContent(message.content, `${path}.content`, dropped)
    if (message.role === 'tool') return { ...message, content, tool_call_id: toolId(message.tool_call_id) }
    return { ...message, content }
  })
}

/** `prefix` is Mistral's own: the answer is to go on from this message. */
const ASSISTANT_FIELDS = ['role', 'content', 'tool_calls', 'prefix', 'refusal', 'reasoning_content']
/** What an earlier answer, perhaps of another provider, said of itself; sent back with it, it asks for nothing. */
const NOTES = ['annotations', 'citations', 'extra_content']
const USED = new Set([...ASSISTANT_FIELDS, ...NOTES])

function assistantMessage(message: AssistantMessage, path: string, dropped: string[]): object {
  dropped.push(...unusedFields(message, USED, path))
  const { reasoning_content: thinking, tool_calls: calls } = message
  const content = [
    ...contentTexts(message.content, `${path}.content`, dropped),
    message.refusal ?? '',
  ].filter((text) => text !== '')
  const text = content.join('\n')
  return {
    role: 'assistant',
    ...('prefix' in message && { prefix: message.prefix }),
    content: thinking ? [thinkingPart(thinking), ...(text === '' ? [] : [{ type: 'text', text }])] : text,
    ...(calls &&
      calls.length > 0 && {
        tool_calls: calls.map(({ id, type, function: details }) => ({
          id: toolId(id),
          type,
          function: details,
        })),
      }),
  }
}

function contentTexts(content: AssistantMessage['content'], path: string, dropped: string[]): string[] {
  if (typeof content === 'string') return [content]
  return (content ?? []).flatMap((part, i) => {
    if (part.type === 'text') return [part.text]
    if (part.type === 'refusal') return [part.refusal]
    dropped.push(`${path}[${i}]`)
    return []
  })
}

function thinkingPart(text: string): JsonObject {
  return { type: 'thinking', thinking: [{ type: 'text', text }], closed: true }
}

/** The API takes only ids of its own alphabet and length; other providers' get one that follows from theirs. */
function toolId(id: string): string {
  return /^[a-zA-Z0-9]{9}$/.test(id) ? id : createHash('sha256').update(id).digest('hex').slice(0, 9)
}

type PartConverter<Part extends ContentPart> = (part: Part, path: string) => JsonObject | undefined

const PARTS: { readonly [Type in ContentPart['type']]: PartConverter<Extract<ContentPart, { type: Type }>> } =
  {
    text: ({ text }) => ({ type: 'text', text }),
    image_url: ({ image_url: { url, detail } }) => ({
      type: 'image_url',
      image_url: { url, ...(detail !== undefined && { detail }) },
    }),
    input_audio: ({ input_audio: { data } }) => ({ type: 'input_audio', input_audio: data }),
    file: ({ file }) => filePart(file.file_data, file.file_id, file.filename),
  }

function filePart(data?: string, id?: string, name?: string): JsonObject | undefined {
  if (data === undefined) return { type: 'file', file_id: id }
  const { mediaType } = parseDataUrl(data) ?? { mediaType: undefined }
  if (mediaType?.startsWith('image/')) return { type: 'image_url', image_url: { url: data } }
  if (mediaType !== undefined && mediaType !== 'application/pdf') return undefined
  return {
    type: 'document_url',
    document_url: mediaType === undefined ? `data:application/pdf;base64,${data}` : data,
    ...(name !== undefined && { document_name: name }),
  }
}

/** A part that the API cannot express is dropped; a message of which nothing would be left is refused. */
function convertContent(
  content: string | ContentPart[],
  path: string,
  dropped: string[],
): string | JsonObject[] {
  if (typeof content === 'string') return content
  const parts = content.flatMap((part, i) => {
    const partPath = `${path}[${i}]`
    const convert = lookup(PARTS, part.type) as PartConverter<ContentPart> | undefined // of the part's own type
    const converted = convert?.(part, partPath)
    if (converted !== undefined) return [converted]
    dropped.push(partPath)
    return []
  })
  if (parts.length === 0 && content.length > 0) {
    throw ChatError.badRequest('mistral cannot take any part of this content', path)
  }
  return parts
}
