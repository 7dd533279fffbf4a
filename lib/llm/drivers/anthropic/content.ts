import type { FilePart, ImagePart } from '../../chat.js'
import { ChatError } from '../../errors.js'
import { isObject, type JsonObject } from '../../json.js'
import { parseDataUrl } from '../data-url.js'
import { lookup } from '../lookup.js'
import { pick } from '../pick.js'
import type { ContentBlock, DocumentBlock, ImageBlock, TextBlock } from './types.js'

/** Blocks of Anthropic's own that a client may put between OpenAI's parts: they go out as they came. */
const NATIVE_BLOCKS = new Set(['image', 'document', 'search_result', 'container_upload'])

/** What a document block takes beside its source. */
const DOCUMENT_EXTRAS = ['cache_control', 'citations', 'context', 'title'] as const

/**
 * A message's content as blocks. A part that the API cannot express is dropped; a message of which nothing would be
 * left is refused, because the answer would be to another question.
 *
 * Sources: https://docs.claude.com/en/docs/build-with-claude/vision (and /pdf-support, /files)
 */
export function convertContent(content: unknown, path: string, dropped: string[]): ContentBlock[] {
  if (typeof content === 'string') return textBlocks(content)
  if (!Array.isArray(content))
    throw ChatError.badRequest('content must be a string or an array of parts', path)
  const before = dropped.length
  const blocks = content.flatMap((part, i) => convertPart(part, `${path}[${i}]`, dropped))
  if (blocks.length === 0 && dropped.length > before) {
    throw ChatError.badRequest('anthropic cannot take any part of this content', path)
  }
  return blocks
}

/** One text block, or none: the API refuses blank ones. */
export function textBlocks(text: string, cacheControl?: unknown): TextBlock[] {
  if (text.trim() === '') return []
  return [{ type: 'text', text, ...pick({ cache_control: cacheControl }, ['cache_control']) }]
}

function convertPart(part: unknown, path: string, dropped: string[]): ContentBlock[] {
  if (!isObject(part) || typeof part.type !== 'string') {
    throw ChatError.badRequest('a content part must be an object with a type', path)
  }
  if (NATIVE_BLOCKS.has(part.type)) return [part]
  const block = lookup(PARTS, part.type)?.(part, path, dropped)
  if (block) return block
  dropped.push(path)
  return []
}

type PartConverter = (part: JsonObject, path: string, dropped: string[]) => ContentBlock[] | undefined

const PARTS: Readonly<Record<string, PartConverter>> = {
  text: (part, path) => textBlocks(text(part.text, `${path}.text`), part.cache_control),
  refusal: (part, path) => textBlocks(text(part.refusal, `${path}.refusal`)),
  image_url: imageBlock,
  file: fileBlock,
}

function imageBlock(part: JsonObject, path: string, dropped: string[]): ImageBlock[] {
  const { url, detail } = (isObject(part.image_url) ? part.image_url : {}) as Partial<ImagePart['image_url']>
  if (detail && detail !== 'auto') dropped.push(`${path}.image_url.detail`)
  return [
    {
      type: 'image',
      source: imageSource(text(url, `${path}.image_url.url`), `${path}.image_url.url`),
      ...pick(part, ['cache_control']),
    },
  ]
}

function imageSource(url: string, path: string): ImageBlock['source'] {
  if (/^https?:/i.test(url)) return { type: 'url', url }
  const data = parseDataUrl(url)
  if (!data) throw ChatError.badRequest('an image must be an http(s) URL or a data URL', path)
  return base64(data.mediaType === 'image/jpg' ? 'image/jpeg' : data.mediaType, data.base64)
}

function fileBlock(part: JsonObject, path: string): ContentBlock[] | undefined {
  const { file_data, file_id, filename } = (isObject(part.file) ? part.file : {}) as FilePart['file']
  if (file_data === undefined && file_id === undefined) {
    throw ChatError.badRequest('a file needs file_data or file_id', `${path}.file`)
  }
  if (typeof file_data !== 'string')
    return [document({ type: 'file', file_id: text(file_id, `${path}.file.file_id`) })]
  const { mediaType, base64: data } = parseDataUrl(file_data) ?? {
    mediaType: 'application/pdf',
    base64: file_data,
  }
  if (mediaType.startsWith('image/')) {
    return [{ type: 'image', source: base64(mediaType, data), ...pick(part, ['cache_control']) }]
  }
  if (mediaType === 'application/pdf') return [document(base64(mediaType, data))]
  if (!mediaType.startsWith('text/')) return undefined
  // Plain text is the only text that the API names; it reads csv, markdown and the like as such.
  const plain = Buffer.from(data, 'base64').toString('utf8')
  return [document({ type: 'text', media_type: 'text/plain', data: plain })]

  function document(source: DocumentBlock['source']): DocumentBlock {
    return {
      type: 'document',
      source,
      ...(typeof filename === 'string' && { title: filename }),
      ...pick(part, DOCUMENT_EXTRAS),
    }
  }
}

function base64(mediaType: string, data: string): { type: 'base64'; media_type: string; data: string } {
  return { type: 'base64', media_type: mediaType, data }
}

function text(value: unknown, path: string): string {
  if (typeof value !== 'string') throw ChatError.badRequest('must be a string', path)
  return value
}
