import { ChatError } from '../../errors.js'
import { isObject, type JsonObject } from '../../json.js'
import { parseDataUrl } from '../data-url.js'
import { lookup } from '../lookup.js'

export interface Content {
  content: string
  images?: string[]
}

/**
 * A message's content: its texts, a line each, and beside them what there is to see or to hear. A part that the API
 * cannot express is dropped; a message of which nothing would be left is refused.
 */
export function convertContent(content: unknown, path: string, dropped: string[]): Content {
  if (typeof content === 'string') return { content }
  if (!Array.isArray(content))
    throw ChatError.badRequest('content must be a string or an array of parts', path)
  const texts: string[] = []
  const images: string[] = []
  content.forEach((part: unknown, i) => {
    const partPath = `${path}[${i}]`
    const piece = isObject(part) ? lookup(PARTS, part.type)?.(part, partPath) : undefined
    if (piece === undefined) dropped.push(partPath)
    else if ('text' in piece) texts.push(piece.text)
    else images.push(piece.bytes)
  })
  if (texts.length + images.length === 0 && content.length > 0) {
    throw ChatError.badRequest('ollama cannot take any part of this content', path)
  }
  return { content: texts.join('\n'), ...(images.length > 0 && { images }) }
}

/** `bytes` is base64. */
type Piece = { text: string } | { bytes: string }
type PartReader = (part: JsonObject, path: string) => Piece | undefined

const PARTS: Readonly<Record<string, PartReader>> = {
  text: ({ text }) => (typeof text === 'string' ? { text } : undefined),
  refusal: ({ refusal }) => (typeof refusal === 'string' ? { text: refusal } : undefined),
  image_url: ({ image_url: image }, path) => imagePiece(isObject(image) ? image.url : image, path),
  input_audio: ({ input_audio: audio }) =>
    isObject(audio) && typeof audio.data === 'string' ? { bytes: audio.data } : undefined,
  file: ({ file }) => filePiece(isObject(file) ? file.file_data : undefined),
}

function imagePiece(url: unknown, path: string): Piece {
  const data = typeof url === 'string' ? parseDataUrl(url) : undefined
  if (data === undefined)
    throw ChatError.badRequest('ollama takes an image as a data URL', `${path}.image_url.url`)
  return { bytes: data.base64 }
}

function filePiece(url: unknown): Piece | undefined {
  const data = typeof url === 'string' ? parseDataUrl(url) : undefined
  if (data?.mediaType.startsWith('image/')) return { bytes: data.base64 }
  return data?.mediaType.startsWith('text/')
    ? { text: Buffer.from(data.base64, 'base64').toString() }
    : undefined
}
