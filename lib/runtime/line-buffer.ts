const LF = 10
const NOTHING = Buffer.alloc(0)
/** Bytes. */
const FIRST_SIZE = 64 * 1024
/** Above it, room is not kept for the next lines. Bytes. */
const MAX_KEPT = 512 * 1024
/** UTF-8 of a UTF-16 unit. */
const MAX_BYTES = 3

/**
 * Lines that wait, as bytes: a text that was put together of many pieces stays a tree of them, which each garbage collection would
 * walk and copy as long as it waits.
 */
export class LineBuffer {
  #bytes: Buffer = NOTHING
  /** Room for the lines after these. */
  #next: Buffer = NOTHING
  /** Bytes of the lines. */
  size = 0
  /** How many there are. */
  count = 0

  /** @returns how many bytes it takes */
  add(line: string): number {
    const before = this.size
    if (this.#bytes.length - before <= line.length * MAX_BYTES) this.#grow(Buffer.byteLength(line) + 1)
    this.size += this.#bytes.write(line, before)
    this.#bytes[this.size++] = LF
    this.count++
    return this.size - before
  }

  /** All of them: there are none any more. */
  take(): Buffer {
    const lines = this.#bytes.subarray(0, this.size)
    this.#bytes = this.#next
    this.#next = NOTHING
    this.size = 0
    this.count = 0
    return lines
  }

  /** What was taken is out: new lines may have its room. */
  reuse({ buffer }: Buffer): void {
    if (buffer.byteLength <= MAX_KEPT) this.#next = Buffer.from(buffer)
  }

  /** Makes room for as much at least. */
  #grow(length: number): void {
    const needed = this.size + length
    if (needed <= this.#bytes.length) return
    // None of Node's pool, which lines that wait would keep.
    const bytes = Buffer.allocUnsafeSlow(Math.max(FIRST_SIZE, needed, 2 * this.#bytes.length))
    this.#bytes.copy(bytes, 0, 0, this.size)
    this.#bytes = bytes
  }
}
