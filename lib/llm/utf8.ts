/** In characters: shorter texts go into a pool of Node's. */
const LONG = 4096
/** A character has no more bytes. */
const MOST = 4

/**
 * The bytes of a text. Of a long one the length in bytes is guessed, for a text that is nearly all ASCII, as our JSON mostly is:
 * `Buffer.from` works it out first, which takes as long again.
 */
export function utf8(text: string): Buffer {
  if (text.length < LONG) return Buffer.from(text)
  const bytes = Buffer.allocUnsafe(text.length + (text.length >> 4) + MOST)
  const length = bytes.write(text)
  // What does not fit ends before a character that has no room.
  return length <= bytes.length - MOST ? bytes.subarray(0, length) : Buffer.from(text)
}
