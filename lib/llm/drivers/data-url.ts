/** The content of a data URL. */
export interface DataUrl {
  /** Lower case, without parameters; RFC 2397's default where the URL names none. */
  mediaType: string
  base64: string
}

/**
 * Reads a data URL; `undefined` for any other text. The payload may be megabytes long, so only its head is looked at.
 *
 * https://www.rfc-editor.org/rfc/rfc2397
 */
export function parseDataUrl(url: string): DataUrl | undefined {
  if (url.slice(0, 5).toLowerCase() !== 'data:') return undefined
  const comma = url.indexOf(',')
  if (comma < 0) return undefined
  const [mediaType = '', ...parameters] = url.slice(5, comma).toLowerCase().split(';')
  const payload = url.slice(comma + 1)
  const isBase64 = parameters.some((parameter) => parameter.trim() === 'base64')
  return {
    mediaType: mediaType.trim() || 'text/plain',
    base64: isBase64 ? payload : percentDecoded(payload).toString('base64'),
  }
}

function percentDecoded(payload: string): Buffer {
  try {
    return Buffer.from(decodeURIComponent(payload))
  } catch {
    return Buffer.from(payload)
  }
}
