/** So many bytes are taken at once. */
const STEP = 8

/** A table for each byte of a step, one behind the other; that of its last byte comes first. */
const TABLES = makeTables()

/**
 * CRC-32 of the bytes from `start` to `end`, eight at a time ("slicing by 8"). Of a few hundred bytes it takes half the time
 * that a call of `zlib.crc32` and a part to give to it cost; of more the same.
 *
 * A hot path: runs over every byte of an AWS event stream.
 */
export function crc32(bytes: DataView, start: number, end: number): number {
  let crc = -1
  let at = start
  for (const last = end - STEP; at <= last; at += STEP) {
    const low = crc ^ bytes.getInt32(at, true)
    const high = bytes.getInt32(at + 4, true)
    crc =
      TABLES[0x700 | (low & 0xff)]! ^
      TABLES[0x600 | ((low >>> 8) & 0xff)]! ^
      TABLES[0x500 | ((low >>> 16) & 0xff)]! ^
      TABLES[0x400 | (low >>> 24)]! ^
      TABLES[0x300 | (high & 0xff)]! ^
      TABLES[0x200 | ((high >>> 8) & 0xff)]! ^
      TABLES[0x100 | ((high >>> 16) & 0xff)]! ^
      TABLES[high >>> 24]!
  }
  for (; at < end; at++) crc = TABLES[(crc ^ bytes.getUint8(at)) & 0xff]! ^ (crc >>> 8)
  return ~crc >>> 0
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
