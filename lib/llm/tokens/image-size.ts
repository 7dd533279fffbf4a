export interface ImageSize {
  width: number
  height: number
}

/** Base64 of what a header needs: a JPEG may have 64 KB of metadata, or several, before its size. */
const HEADER_CHARS = 256 * 1024

/**
 * The size in pixels of the image in a data URL, from its header: PNG, JPEG, GIF, WebP. `undefined` for anything else,
 * addresses on the network among them.
 */
export function imageSize(url: string): ImageSize | undefined {
  const comma = url.indexOf(',')
  if (!url.startsWith('data:') || comma < 0 || !url.slice(0, comma).endsWith(';base64')) return undefined
  const bytes = Buffer.from(url.slice(comma + 1, comma + 1 + HEADER_CHARS), 'base64')
  try {
    const size = READERS.map((read) => read(bytes)).find((found) => found !== undefined)
    return size !== undefined && size.width > 0 && size.height > 0 ? size : undefined
  } catch {
    return undefined // cut short
  }
}

type Reader = (bytes: Buffer) => ImageSize | undefined

const READERS: readonly Reader[] = [png, gif, webp, jpeg]

/** https://www.w3.org/TR/png-3/#11IHDR */
function png(bytes: Buffer): ImageSize | undefined {
  if (bytes.toString('latin1', 1, 4) !== 'PNG') return undefined
  return { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) }
}

/** https://www.w3.org/Graphics/GIF/spec-gif89a.txt */
function gif(bytes: Buffer): ImageSize | undefined {
  if (bytes.toString('latin1', 0, 4) !== 'GIF8') return undefined
  return { width: bytes.readUInt16LE(6), height: bytes.readUInt16LE(8) }
}

/** https://developers.google.com/speed/webp/docs/riff_container */
function webp(bytes: Buffer): ImageSize | undefined {
  if (bytes.toString('latin1', 8, 12) !== 'WEBP') return undefined
  switch (bytes.toString('latin1', 12, 16)) {
    case 'VP8 ':
      return { width: bytes.readUInt16LE(26) & 0x3fff, height: bytes.readUInt16LE(28) & 0x3fff }
    case 'VP8L': {
      const packed = bytes.readUInt32LE(21)
      return { width: (packed & 0x3fff) + 1, height: ((packed >>> 14) & 0x3fff) + 1 }
    }
    case 'VP8X':
      return { width: bytes.readUIntLE(24, 3) + 1, height: bytes.readUIntLE(27, 3) + 1 }
    default:
      return undefined
  }
}

/** The frame header of a JPEG (ITU-T T.81 §B.2.2), behind any number of other segments. */
function jpeg(bytes: Buffer): ImageSize | undefined {
  if (bytes.readUInt16BE(0) !== 0xffd8) return undefined
  for (let place = 2; place < bytes.length;) {
    const marker = bytes.readUInt16BE(place)
    if (marker < 0xff01) return undefined
    if (isFrameHeader(marker)) {
      return { width: bytes.readUInt16BE(place + 7), height: bytes.readUInt16BE(place + 5) }
    }
    place += marker === 0xffff ? 1 : 2 + bytes.readUInt16BE(place + 2)
  }
  return undefined
}

/** SOF0 to SOF15, among which DHT, JPG and DAC have their numbers. */
function isFrameHeader(marker: number): boolean {
  return marker >= 0xffc0 && marker <= 0xffcf && ![0xffc4, 0xffc8, 0xffcc].includes(marker)
}
