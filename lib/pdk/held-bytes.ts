import { spareMemory } from './spare-memory.js'

/*
 * Memory of large request bodies that is free again as soon as nobody needs it. The garbage collector would be late and dear:
 * V8 counts such bytes against its heap, and looks through all of that again and again to see a few bodies go.
 *
 * Whoever keeps such bytes for later holds them, and lets go when done. What somebody never lets go of, a plugin that knows
 * nothing of this, is left to the garbage collector; so are all bytes that nobody owns, which may be held and let go as well.
 * What is let go may have another client's body the next moment. By then no view leads there any more: see `SpareMemory`.
 */

/** How many hold a memory. */
const holders = new WeakMap<ArrayBufferLike, number>()

/** The caller has made these bytes, and is the first to hold them. */
export function own(bytes: Buffer): void {
  holders.set(bytes.buffer, 1)
}

/** @returns whether somebody owns them */
export function hold(bytes: Buffer): boolean {
  const held = holders.get(bytes.buffer)
  if (held === undefined) return false
  holders.set(bytes.buffer, held + 1)
  return true
}

/** The last one frees them: every view on them is empty then. Never before the system has taken what a socket was to write. */
export function letGo(bytes: Buffer): void {
  const held = holders.get(bytes.buffer)
  if (held === undefined) return
  holders.set(bytes.buffer, held - 1)
  if (held > 1) return
  holders.delete(bytes.buffer)
  spareMemory.give(bytes.buffer)
}

/** For bytes that nobody else has. Those that share a memory with others are left to the garbage collector. */
export function free({ buffer, length }: Buffer): void {
  if (buffer.byteLength === length) spareMemory.give(buffer)
}
