/** Bytes on their way out, in order. What lies side by side in memory stays one piece: a read that passes whole is never copied. */
export class Outbox {
  /** What came before `last`. */
  private readonly pieces: Buffer[] = []
  private last: Buffer | undefined

  add(bytes: Buffer): void {
    const { last } = this
    if (last === undefined) {
      this.last = bytes
    } else if (last.buffer === bytes.buffer && last.byteOffset + last.length === bytes.byteOffset) {
      this.last = Buffer.from(last.buffer, last.byteOffset, last.length + bytes.length)
    } else {
      this.pieces.push(last)
      this.last = bytes
    }
  }

  /** All of it; `undefined` if there is nothing. */
  take(): Buffer | undefined {
    const { last, pieces } = this
    this.last = undefined
    if (last === undefined || pieces.length === 0) return last
    return Buffer.concat([...pieces.splice(0), last])
  }
}
