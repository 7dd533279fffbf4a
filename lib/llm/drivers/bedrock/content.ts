import { ChatError } from '../../errors.js'
import { isObject, type JsonObject } from '../../json.js'
import { parseDataUrl } from '../data-url.js'
import { objectAt, stringAt } from '../fields.js'
import { lookup } from '../lookup.js'
import type { CachePointBlock, ContentBlock, MediaBlock, Source, TextBlock } from './types.js'

/** Gives each document of a request a name of its own, which the API demands. */
export type NameDocument = (filename: unknown) => string

/** A name is letters, digits, single spaces, hyphens, parentheses and square brackets. */
export function documentNames(): NameDocument {
  const taken = new Set<string>()
  return (filename) => {
    const text = typeof filename === 'string' ? filename : ''
    const plain =
      text
        .replace(/\.\w+$/, '')
        .replace(/[^A-Za-z0-9()[\]-]+/g, ' ')
        .trim()
        .slice(0, 180) || 'document'
    let name = plain
    for (let n = 2; taken.has(name); n++) name = `${plain} (${n})`
    taken.add(name)
    return name
  }
}

/**
 * A message's content as blocks. A part of a type that nobody here knows is dropped; a message of which nothing would
 * be left is refused.
 *
 * Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html
 */
export function convertContent(
  content: unknown,
  path: string,
  nameDocument: NameDocument,
  dropped: string[],
): ContentBlock[] {
  if (typeof content === 'string') return textBlocks(content)
  if (!Array.isArray(content))
    throw ChatError.badRequest('content must be a string or an array of parts', path)
  const before = dropped.length
  const blocks = content.flatMap((part: unknown, i) => {
    const partPath = `${path}[${i}]`
    if (!isObject(part)) throw ChatError.badRequest('a content part must be an object', partPath)
    const convert = lookup(PARTS, part.type)
    if (convert) return [...convert(part, partPath, nameDocument, dropped), ...cachePoint(part)]
    dropped.push(partPath)
    return []
  })
  if (blocks.length === 0 && dropped.length > before) {
    throw ChatError.badRequest('bedrock cannot take any part of this content', path)
  }
  return blocks
}

/** One block, or none: the API refuses blank ones. */
export function textBlocks(text: string): TextBlock[] {
  return text.trim() === '' ? [] : [{ text }]
}

/** The point up to which the client wants the prompt cached; Anthropic's `cache_control` says it here, too. */
export function cachePoint(from: object): CachePointBlock[] {
  const control = 'cache_control' in from ? from.cache_control : undefined
  if (!isObject(control)) return []
  return [{ cachePoint: { type: 'default', ...(control.ttl != null && { ttl: control.ttl }) } }]
}

type PartConverter = (
  part: JsonObject,
  path: string,
  nameDocument: NameDocument,
  dropped: string[],
) => (TextBlock | MediaBlock)[]

const PARTS: Readonly<Record<string, PartConverter>> = {
  text: (part, path) => textBlocks(stringAt(part, 'text', path)),
  refusal: (part, path) => textBlocks(stringAt(part, 'refusal', path)),
  image_url: imageBlock,
  input_audio: audioBlock,
  file: fileBlock,
}

const IMAGE_FORMATS: Readonly<Record<string, string>> = {
  'image/png': 'png',
  'image/jpeg': 'jpeg',
  'image/jpg': 'jpeg',
  'image/gif': 'gif',
  'image/webp': 'webp',
}

const VIDEO_FORMATS: Readonly<Record<string, string>> = {
  'video/mp4': 'mp4',
  'video/webm': 'webm',
  'video/quicktime': 'mov',
  'video/x-matroska': 'mkv',
  'video/mpeg': 'mpeg',
  'video/x-flv': 'flv',
  'video/x-ms-wmv': 'wmv',
  'video/3gpp': 'three_gp',
}

const DOCUMENT_FORMATS: Readonly<Record<string, string>> = {
  'application/pdf': 'pdf',
  'application/msword': 'doc',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document': 'docx',
  'application/vnd.ms-excel': 'xls',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': 'xlsx',
  'text/csv': 'csv',
  'text/html': 'html',
  'text/plain': 'txt',
  'text/markdown': 'md',
}

function imageBlock(part: JsonObject, path: string, _: NameDocument, dropped: string[]): MediaBlock[] {
  const image = objectAt(part, 'image_url', path)
  const url = stringAt(image, 'url', `${path}.image_url`)
  const urlPath = `${path}.image_url.url`
  if (typeof image.detail === 'string' && image.detail !== 'auto') dropped.push(`${path}.image_url.detail`)
  if (url.startsWith('s3://')) {
    const extension = /\.(\w+)$/.exec(url)?.[1]?.toLowerCase()
    const format = lookup(IMAGE_FORMATS, `image/${extension}`) ?? 'jpeg'
    return [{ image: { format, source: { s3Location: { uri: url } } } }]
  }
  const data = parseDataUrl(url)
  if (!data) throw ChatError.badRequest('bedrock takes an image as a data URL or an s3:// URL', urlPath)
  const format = lookup(IMAGE_FORMATS, data.mediaType)
  if (!format) throw ChatError.badRequest(`bedrock cannot take an image of type ${data.mediaType}`, urlPath)
  return [{ image: { format, source: { bytes: data.base64 } } }]
}

function audioBlock(part: JsonObject, path: string): MediaBlock[] {
  const audio = objectAt(part, 'input_audio', path)
  const format = stringAt(audio, 'format', `${path}.input_audio`)
  return [{ audio: { format, source: { bytes: stringAt(audio, 'data', `${path}.input_audio`) } } }]
}

function fileBlock(part: JsonObject, path: string, nameDocument: NameDocument): MediaBlock[] {
  const file = objectAt(part, 'file', path)
  const text = stringAt(file, 'file_data', `${path}.file`)
  const { mediaType, base64 } = parseDataUrl(text) ?? { mediaType: 'application/pdf', base64: text }
  const source: Source = { bytes: base64 }
  const [image, video] = [lookup(IMAGE_FORMATS, mediaType), lookup(VIDEO_FORMATS, mediaType)]
  if (image) return [{ image: { format: image, source } }]
  if (video) return [{ video: { format: video, source } }]
  const format = lookup(DOCUMENT_FORMATS, mediaType) ?? (mediaType.startsWith('text/') ? 'txt' : undefined)
  if (!format)
    throw ChatError.badRequest(`bedrock cannot take a file of type ${mediaType}`, `${path}.file.file_data`)
  return [{ document: { format, name: nameDocument(file.filename), source } }]
}
