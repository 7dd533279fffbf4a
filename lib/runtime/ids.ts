import { randomFillSync } from 'node:crypto'

// Random bytes are drawn for many ids at once: a call of the generator costs more than the bytes.
const pool = Buffer.allocUnsafe(4096)
let used = pool.length

/** Random bytes as text. None are used twice. */
export function randomText(bytes: number, encoding: 'hex' | 'base64url'): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool)
    used = 0
  }
  const text = pool.toString(encoding, used, used + bytes)
  used += bytes
  return text
}

/** A request id in Kong's form: 32 lower-case hexadecimal digits. */
export function requestId(): string {
  return randomText(16, 'hex')
}
