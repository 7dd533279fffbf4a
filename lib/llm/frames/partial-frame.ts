import { asBuffer } from '../bytes.js'
import { FrameError, MAX_FRAME_BYTES } from './frame.js'

/** A larger buffer is not kept for the next frame: one image must not cost its memory until the stream ends. */
const KEPT_BYTES = 64 * 1024

const NOTHING = Buffer.alloc(0)

/**
 * The bytes of a frame that is not complete yet. Grows by doubling, so that a frame costs linear time and bounded
 * memory even where every byte comes alone (a list of the pieces would cost far more than the bytes).
 */
export class PartialFrame {
  private buffer = NOTHING
  private used = 0

  constructor(private readonly maxFrame = MAX_FRAME_BYTES) {}

  get length(): number {
    return this.used
  }

  /** The bytes gathered so far, valid until the next call. */
  get bytes(): Buffer {
    return this.buffer.subarray(0, this.used)
  }

  /** @throws FrameError where the frame grows too large. */
  append(bytes: Uint8Array): void {
    const length = this.used + bytes.length
    this.checkSize(length)
    if (length > this.buffer.length) {
      const grown = Buffer.allocUnsafe(Math.max(length, 2 * this.buffer.length, 1024))
      grown.set(this.bytes)
      this.buffer = grown
    }
    this.buffer.set(bytes, this.used)
    this.used = length
  }

  /** The text of the frame that `bytes` completes; the next frame starts empty. Copies only what came in pieces. */
  complete(bytes: Uint8Array): string {
    if (this.used === 0) {
      this.checkSize(bytes.length)
      return asBuffer(bytes).toString()
    }
    this.append(bytes)
    const text = this.bytes.toString()
    this.clear()
    return text
  }

  clear(): void {
    this.used = 0
    if (this.buffer.length > KEPT_BYTES) this.buffer = NOTHING
  }

  /** @throws FrameError `frame_too_large` where a frame of so many bytes is. */
  checkSize(length: number): void {
    if (length > this.maxFrame) {
      throw new FrameError('frame_too_large', `a frame of the answer is larger than ${this.maxFrame} bytes`)
    }
  }
}
