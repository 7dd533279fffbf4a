import { randomFillSync } from 'node:crypto'

// Random bytes are drawn for many ids at once: a call of the generator costs more than the bytes.
const pool = Buffer.allocUnsafe(16 * 256)
let used = pool.length

/** A request id in Kong's form: 32 lower-case hexadecimal digits. */
export function requestId(): string {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  const id = pool.toString('hex', used, used + 16)
  used += 16
  return id
}
