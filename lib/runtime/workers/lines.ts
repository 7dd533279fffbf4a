import type { Readable, Writable } from 'node:stream'

const NEWLINE = 10

/**
 * Passes whole lines on, so that those of several processes do not mix: a pipe keeps no more than 4 KB together. A line that
 * has no end when its process ends is dropped.
 */
export function passLines(from: Readable, to: Writable): void {
  let begun: Buffer[] = []
  from.on('data', (piece: Buffer) => {
    const end = piece.lastIndexOf(NEWLINE) + 1
    if (end === 0) {
      begun.push(piece)
      return
    }
    const isTaken = to.write(Buffer.concat([...begun, piece.subarray(0, end)]))
    begun = [piece.subarray(end)]
    if (isTaken) return
    from.pause()
    to.once('drain', () => from.resume())
  })
}
