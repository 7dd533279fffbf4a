import { createHash } from 'node:crypto'
import type { AssistantMessage, ChatMessage, ContentPart, FilePart } from '../../chat.js'
import { ChatError } from '../../errors.js'
import type { JsonObject } from '../../json.js'
import { parseDataUrl } from '../data-url.js'
import { ANSWER_NOTES, unusedFields } from '../dropped.js'
import { lookup } from '../lookup.js'
import { pick } from '../pick.js'
import { textsOf } from '../texts.js'
import { argumentsText } from '../tool-arguments.js'

/**
 * OpenAI's messages with Mistral's parts in them. A field that Mistral does not know is dropped: it would refuse it. So it
 * would an assistant's message with nothing in it, which is left out.
 *
 * Source: https://docs.mistral.ai/api/endpoint/chat (`messages`), /capabilities/vision, /capabilities/reasoning
 */
export function convertMessages(messages: ChatMessage[], dropped: string[]): object[] {
  return messages.flatMap((message, i): object | [] => {
    const path = `messages[${i}]`
    if (message.role === 'assistant') return assistantMessage(message, path, dropped)
    dropped.push(...unusedFields(message, USED, path))
    const kept = {
      ...pick(message, USED_FIELDS),
      content: convertContent(message.content, `${path}.content`, dropped),
    }
    return message.role === 'tool' ? { ...kept, tool_call_id: toolId(message.tool_call_id) } : kept
  })
}

/** Of messages that are not the assistant's. A `name` is the server's quirk. */
const USED_FIELDS = ['role', 'content', 'name', 'tool_call_id']
const USED = new Set(USED_FIELDS)

/** `prefix` is Mistral's own: the answer is to go on from this message. */
const ASSISTANT_FIELDS = ['role', 'content', 'tool_calls', 'prefix', 'refusal', 'reasoning_content']
const USED_OF_ASSISTANT = new Set([...ASSISTANT_FIELDS, ...ANSWER_NOTES])

function assistantMessage(message: AssistantMessage, path: string, dropped: string[]): object | [] {
  dropped.push(...unusedFields(message, USED_OF_ASSISTANT, path))
  const { reasoning_content: thinking, tool_calls: calls = [] } = message
  const content = [...textsOf(message.content, `${path}.content`, dropped), message.refusal ?? ''].filter(
    (text) => text !== '',
  )
  const text = content.join('\n')
  if (text === '' && !thinking && calls.length === 0) return []
  return {
    role: 'assistant',
    ...('prefix' in message && { prefix: message.prefix }),
    content: thinking ? [thinkingPart(thinking), ...(text === '' ? [] : [{ type: 'text', text }])] : text,
    ...(calls.length > 0 && {
      tool_calls: calls.map((call) => ({
        id: toolId(call.id),
        type: 'function',
        function: { name: call.function.name, arguments: argumentsText(call) },
      })),
    }),
  }
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
      image_url: { url, ...(detail != null && { detail }) },
    }),
    input_audio: ({ input_audio: { data } }) => ({ type: 'input_audio', input_audio: data }),
    file: ({ file }) => filePart(file),
  }

function filePart({
  file_data: data,
  file_id: id,
  filename: name,
}: FilePart['file']): JsonObject | undefined {
  if (typeof data !== 'string') return { type: 'file', file_id: id }
  const { mediaType } = parseDataUrl(data) ?? { mediaType: undefined }
  if (mediaType?.startsWith('image/')) return { type: 'image_url', image_url: { url: data } }
  if (mediaType !== undefined && mediaType !== 'application/pdf') return undefined
  return {
    type: 'document_url',
    document_url: mediaType === undefined ? `data:application/pdf;base64,${data}` : data,
    ...(name != null && { document_name: name }),
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
