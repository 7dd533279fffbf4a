import { describe, expect, it } from 'vitest'
import { imageSize } from '../../../../lib/llm/tokens/image-size.js'
import { imageTokens } from '../../../../lib/llm/tokens/images.js'
import { tokenModel } from '../../../../lib/llm/tokens/models.js'

const dataUrl = (bytes: Buffer, type = 'png') => `data:image/${type};base64,${bytes.toString('base64')}`

function png(width: number, height: number): string {
  const bytes = Buffer.alloc(33)
  bytes.write('\x89PNG\r\n\x1a\n', 'latin1')
  bytes.write('IHDR', 12)
  bytes.writeUInt32BE(width, 16)
  bytes.writeUInt32BE(height, 20)
  return dataUrl(bytes)
}

/** With metadata and tables before the frame header. */
function jpeg(width: number, height: number): string {
  const segment = (marker: number, content: Buffer) =>
    Buffer.concat([
      Buffer.from([0xff, marker, (content.length + 2) >> 8, (content.length + 2) & 255]),
      content,
    ])
  const frame = Buffer.alloc(15)
  frame[0] = 8
  frame.writeUInt16BE(height, 1)
  frame.writeUInt16BE(width, 3)
  return dataUrl(
    Buffer.concat([
      Buffer.from([0xff, 0xd8]),
      segment(0xe1, Buffer.alloc(60_000, 0xc0)),
      segment(0xc4, Buffer.alloc(20)),
      Buffer.from([0xff]), // fill
      segment(0xc2, frame),
    ]),
  )
}

function webp(kind: string, write: (bytes: Buffer) => void): string {
  const bytes = Buffer.alloc(40)
  bytes.write(`RIFF....WEBP${kind}`, 'latin1')
  write(bytes)
  return dataUrl(bytes)
}

describe('the size of an image', () => {
  it.each([
    ['PNG', png(1800, 2400)],
    ['JPEG', jpeg(1800, 2400)],
    ['GIF', dataUrl(Buffer.from('GIF89a\x08\x07\x60\x09', 'latin1'))],
    ['WebP, lossy', webp('VP8 ', (b) => (b.writeUInt16LE(1800, 26), b.writeUInt16LE(2400, 28)))],
    ['WebP, lossless', webp('VP8L', (b) => b.writeUInt32LE(1799 | (2399 << 14), 21))],
    ['WebP, extended', webp('VP8X', (b) => (b.writeUIntLE(1799, 24, 3), b.writeUIntLE(2399, 27, 3)))],
  ])('stands in its header: %s', (_, url) => {
    expect(imageSize(url)).toEqual({ width: 1800, height: 2400 })
  })

  it.each([
    ['an address', 'https://example.com/a.png'],
    ['no image', 'data:text/plain;base64,aGVsbG8='],
    ['no base64', 'data:image/svg+xml,<svg/>'],
    ['a header that is cut', png(10, 10).slice(0, 40)],
    ['a size of nothing', png(0, 10)],
    ['a JPEG without a frame', dataUrl(Buffer.from([0xff, 0xd8, 0xff, 0xd9]))],
    ['nothing', ''],
  ])('is unknown of %s', (_, url) => {
    expect(imageSize(url)).toBeUndefined()
  })
})

describe('an image counts by its model’s formula', () => {
  it.each([
    ['gpt-4o', undefined, 1024, 1024, 765],
    ['gpt-4o', 'high', 2048, 4096, 1105],
    ['gpt-4o', 'low', 4096, 8192, 85],
    ['gpt-4o', 'high', 128, 64, 255],
    ['gpt-4o-mini', 'low', 128, 64, 2833],
    ['gpt-4o-mini', 'high', 128, 64, 8500],
    ['o1', 'low', 100, 100, 75],
    ['gpt-5', 'high', 1024, 1024, 630],
    ['gpt-4.1-mini', 'high', 1024, 1024, 1659],
    ['gpt-4.1-nano', 'low', 128, 64, 20],
    ['o4-mini', undefined, 1800, 2400, Math.ceil(1452 * 1.72)],
    ['claude-sonnet-4-5', undefined, 1000, 1000, 1334],
    ['claude-sonnet-4-5', undefined, 200, 200, 54],
    ['claude-sonnet-4-5', undefined, 8000, 8000, 1600],
    ['gemini-2.5-flash', undefined, 384, 384, 258],
    ['gemini-2.5-flash', undefined, 960, 540, 258 * 6],
  ])('%s, detail %s, %ix%i: %i', (name, detail, width, height, tokens) => {
    expect(imageTokens(png(width, height), detail, tokenModel(name))).toBe(tokens)
  })

  it('as one of 1024x1024 where its size is not in the request', () => {
    expect(imageTokens('https://example.com/a.png', 'auto', tokenModel('gpt-4o'))).toBe(765)
  })
})
