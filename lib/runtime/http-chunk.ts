import type { Socket } from 'node:net'

/** Longer ones are rare, and copied where they stay. Bytes. */
const SCRATCH = 4 * 1024
/** The size's line, and the line end behind the bytes. */
const FRAMING = 8 + 4

const DIGITS = Buffer.from('0123456789abcdef')
const CR = 13
const LF = 10

/** Where chunks are put together, one after the other: each is with the system before the next one comes. */
let scratch = Buffer.allocUnsafeSlow(SCRATCH)

/**
 * Writes an HTTP chunk (RFC 9112 §7.1) as one piece. A hot path: each frame of a stream. Memory for each chunk would be freed only by
 * a garbage collection, and enough of it brings on one of the whole heap.
 *
 * @param bytes not empty: that would be the last chunk
 * @returns false if the client is slow: wait for `drain`
 */
export function writeChunk(socket: Socket, bytes: Buffer): boolean {
  if (bytes.length > SCRATCH - FRAMING || socket.writableLength > 0) return socket.write(chunkOf(bytes))
  const flowing = socket.write(scratch.subarray(0, fill(scratch, bytes)))
  // The system has not taken all of it: the rest is written from there.
  if (socket.writableLength > 0) scratch = Buffer.allocUnsafeSlow(SCRATCH)
  return flowing
}

/** An HTTP chunk in memory of its own. */
export function chunkOf(bytes: Buffer): Buffer {
  const chunk = Buffer.allocUnsafe(bytes.length + FRAMING)
  return chunk.subarray(0, fill(chunk, bytes))
}

/** @returns where the chunk ends */
function fill(chunk: Buffer, bytes: Buffer): number {
  let at = fillSize(chunk, bytes.length)
  at += bytes.copy(chunk, at)
  chunk[at++] = CR
  chunk[at++] = LF
  return at
}

function fillSize(chunk: Buffer, size: number): number {
  let at = 0
  for (let shift = 28 - (Math.clz32(size) & ~3); shift >= 0; shift -= 4) {
    chunk[at++] = DIGITS[(size >>> shift) & 15]!
  }
  chunk[at++] = CR
  chunk[at++] = LF
  return at
}
