/** So many bytes are taken at once. */
const STEP = 16
const WORD = 4

/** A table for each byte of a step, one behind the other; that of its last byte comes first. */
const TABLES = makeTables()

/**
 * CRC-32 of the bytes from `start` to `end`, sixteen at a time ("slicing by 16"). Of a few hundred bytes it takes less than half
 * the time that a call of `zlib.crc32` and a part to give to it cost.
 *
 * A hot path: runs over every byte of an AWS event stream.
 */
export function crc32(bytes: DataView, start: number, end: number): number {
  let crc = -1
  let at = start
  for (const last = end - STEP; at <= last; at += STEP) {
    // What does not need the step before comes first: the processor goes on with it while it waits for the other.
    const others =
      ofWord(2, bytes.getInt32(at + 4, true)) ^
      ofWord(1, bytes.getInt32(at + 8, true)) ^
      ofWord(0, bytes.getInt32(at + 12, true))
    crc = ofWord(3, crc ^ bytes.getInt32(at, true)) ^ others
  }
  for (const last = end - WORD; at <= last; at += WORD) crc = ofWord(0, crc ^ bytes.getInt32(at, true))
  for (; at < end; at++) crc = TABLES[(crc ^ bytes.getUint8(at)) & 0xff]! ^ (crc >>> 8)
  return ~crc >>> 0
}

/** What four bytes of a step add, with so many words behind them. */
function ofWord(behind: number, word: number): number {
  const tables = behind << 10
  return (
    TABLES[tables | 0x300 | (word & 0xff)]! ^
    TABLES[tables | 0x200 | ((word >>> 8) & 0xff)]! ^
    (TABLES[tables | 0x100 | ((word >>> 16) & 0xff)]! ^ TABLES[tables | (word >>> 24)]!)
  )
}

function makeTables(): Int32Array {
  const all = new Int32Array(256 * STEP)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
    all[byte] = crc
  }
  // Each is of the bytes of the one before, with a zero behind them.
  for (let i = 256; i < all.length; i++) all[i] = (all[i - 256]! >>> 8) ^ all[all[i - 256]! & 0xff]!
  return all
}
