/** Bytes on their way out, in order. What lies side by side in memory stays one piece: a read that passes whole is never copied. */
export class Outbox {
  private readonly pieces: Buffer[] = []

  add(bytes: Buffer): void {
    const last = this.pieces.at(-1)
    const adjoins = last?.buffer === bytes.buffer && last.byteOffset + last.length === bytes.byteOffset
    if (adjoins) {
      this.pieces[this.pieces.length - 1] = Buffer.from(
        last.buffer,
        last.byteOffset,
        last.length + bytes.length,
      )
    } else {
      this.pieces.push(bytes)
    }
  }

  /** All of it; `undefined` if there is nothing. */
  take(): Buffer | undefined {
    const pieces = this.pieces.splice(0)
    return pieces.length > 1 ? Buffer.concat(pieces) : pieces[0]
  }
}
