import { ChatError } from '../../errors.js'
import { isObject, type JsonObject } from '../../json.js'
import { parseDataUrl } from '../data-url.js'
import { objectAt, stringAt } from '../fields.js'
import { lookup } from '../lookup.js'
import type { Part } from './types.js'

/**
 * A message's content as parts. Data goes inline; a URL goes by reference, for the provider to fetch: `gs://`, a file
 * of its Files API, YouTube, any public https. A part of a type that nobody here knows is dropped; a message of which
 * nothing would be left is refused.
 *
 * Source: https://ai.google.dev/gemini-api/docs/file-input-methods
 */
export function convertContent(content: unknown, path: string, dropped: string[]): Part[] {
  if (typeof content === 'string') return textParts(content)
  if (!Array.isArray(content))
    throw ChatError.badRequest('content must be a string or an array of parts', path)
  const before = dropped.length
  const parts = content.flatMap((part: unknown, i) => convertPart(part, `${path}[${i}]`, dropped))
  if (parts.length === 0 && dropped.length > before) {
    throw ChatError.badRequest('gemini cannot take any part of this content', path)
  }
  return parts
}

/** One part, or none for an empty text and for what is dropped. */
export function convertPart(part: unknown, path: string, dropped: string[]): Part[] {
  if (!isObject(part)) throw ChatError.badRequest('a content part must be an object', path)
  const convert = lookup(PARTS, part.type)
  if (convert) return convert(part, path, dropped)
  dropped.push(path)
  return []
}

/** The API refuses an empty text. */
export function textParts(text: string): Part[] {
  return text === '' ? [] : [{ text }]
}

type PartConverter = (part: JsonObject, path: string, dropped: string[]) => Part[]

const PARTS: Readonly<Record<string, PartConverter>> = {
  text: (part, path) => textParts(stringAt(part, 'text', path)),
  refusal: (part, path) => textParts(stringAt(part, 'refusal', path)),
  image_url: imagePart,
  input_audio: audioPart,
  file: filePart,
}

function imagePart(part: JsonObject, path: string, dropped: string[]): Part[] {
  const image = objectAt(part, 'image_url', path)
  if (typeof image.detail === 'string' && image.detail !== 'auto') dropped.push(`${path}.image_url.detail`)
  return [media(stringAt(image, 'url', `${path}.image_url`), 'image/jpeg', `${path}.image_url.url`)]
}

function audioPart(part: JsonObject, path: string): Part[] {
  const audio = objectAt(part, 'input_audio', path)
  const mimeType = `audio/${stringAt(audio, 'format', `${path}.input_audio`)}`
  return [{ inlineData: { mimeType, data: stringAt(audio, 'data', `${path}.input_audio`) } }]
}

function filePart(part: JsonObject, path: string): Part[] {
  const file = objectAt(part, 'file', path)
  const mimeType = mimeTypeOf(typeof file.filename === 'string' ? file.filename : '') ?? 'application/pdf'
  if (typeof file.file_data !== 'string') {
    return [media(stringAt(file, 'file_id', `${path}.file`), mimeType, `${path}.file.file_id`)]
  }
  const isUrl = URL_SCHEME.test(file.file_data)
  if (isUrl) return [media(file.file_data, mimeType, `${path}.file.file_data`)]
  return [{ inlineData: { mimeType, data: file.file_data } }]
}

const URL_SCHEME = /^[a-z][a-z0-9+.-]*:/i
const REMOTE_URL = /^(?:https?|gs):\/\//i

/** `fallback` is the type of what does not tell its own: Vertex needs one. */
function media(url: string, fallback: string, path: string): Part {
  const data = parseDataUrl(url)
  if (data) return { inlineData: { mimeType: data.mediaType, data: data.base64 } }
  if (!REMOTE_URL.test(url)) throw ChatError.badRequest('must be a data URL or an http(s) or gs URL', path)
  return { fileData: { fileUri: url, mimeType: mimeTypeOf(url) ?? fallback } }
}

/** What the provider reads, by file name extension. */
const MIME_TYPES: Readonly<Record<string, string>> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  webp: 'image/webp',
  heic: 'image/heic',
  heif: 'image/heif',
  pdf: 'application/pdf',
  txt: 'text/plain',
  md: 'text/markdown',
  csv: 'text/csv',
  html: 'text/html',
  json: 'application/json',
  mp3: 'audio/mp3',
  wav: 'audio/wav',
  ogg: 'audio/ogg',
  flac: 'audio/flac',
  aac: 'audio/aac',
  mp4: 'video/mp4',
  mov: 'video/mov',
  webm: 'video/webm',
}

function mimeTypeOf(name: string): string | undefined {
  const [path = ''] = name.split(/[?#]/, 1)
  const extension = /\.(\w+)$/.exec(path)?.[1]
  return lookup(MIME_TYPES, extension?.toLowerCase())
}
