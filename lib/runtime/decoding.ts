import zlib from 'node:zlib'
import type { Transform } from 'node:stream'

/** A content coding undone as a stream. The body's first byte tells the two things called "deflate" apart. */
export type CreateDecoder = (firstByte: number) => Transform

/** Since Node 22.15; the types are of Node 20. */
const createZstd = (zlib as { createZstdDecompress?: () => Transform }).createZstdDecompress

/** RFC 9110 §8.4.1, Brotli, and zstd where this Node has it. */
const DECODERS = new Map<string, CreateDecoder>([
  ['gzip', () => zlib.createGunzip()],
  ['x-gzip', () => zlib.createGunzip()],
  // By the RFC a zlib stream, by habit a bare deflate one: only the first has 8 in its low four bits (RFC 1950 §2.2).
  ['deflate', (firstByte) => ((firstByte & 0x0f) === 8 ? zlib.createInflate() : zlib.createInflateRaw())],
  ['br', () => zlib.createBrotliDecompress()],
])
if (createZstd) DECODERS.set('zstd', () => createZstd())

/**
 * What undoes a body's content coding; `undefined` if there is none.
 *
 * @throws Error naming a coding that cannot be undone here.
 */
export function contentDecoder(contentEncoding: string | undefined): CreateDecoder | undefined {
  const coding = (contentEncoding ?? '').trim().toLowerCase()
  if (coding === '' || coding === 'identity') return undefined
  const decoder = DECODERS.get(coding)
  if (!decoder) throw new Error(`the upstream's content-encoding '${coding}' cannot be decoded here`)
  return decoder
}
