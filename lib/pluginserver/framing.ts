import { Decoder, Encoder } from '@msgpack/msgpack'

/** The bytes are no MessagePack of ours: nothing that follows on the connection can be understood. */
export class FramingError extends Error {
  override name = 'FramingError'
}

/** A message is held whole in memory; the largest ones carry a body. Bytes. */
export const MAX_MESSAGE_SIZE = 64 * 1024 * 1024

/** How a value goes on after its first byte. */
interface Layout {
  /** Size of the length field that follows. */
  readonly lengthSize: number
  /** Bytes that follow in any case, and those for each unit of length. */
  readonly bytes: number
  readonly bytesPerLength: number
  /** Values that are nested in it in any case, and those for each unit of length. */
  readonly values: number
  readonly valuesPerLength: number
}

/** By first byte, from the format table of the MessagePack specification; `c1` is the one byte that never occurs. */
const LAYOUTS: readonly (Layout | undefined)[] = layouts()

function layouts(): (Layout | undefined)[] {
  const scalar: Layout = { lengthSize: 0, bytes: 0, bytesPerLength: 0, values: 0, valuesPerLength: 0 }
  const table: (Layout | undefined)[] = Array.from({ length: 256 }, () => scalar)
  const set = (first: number, layout: Partial<Layout>) => (table[first] = { ...scalar, ...layout })
  for (let n = 0; n < 16; n++) {
    set(0x80 + n, { values: 2 * n }) // fixmap
    set(0x90 + n, { values: n }) // fixarray
  }
  for (let n = 0; n < 32; n++) set(0xa0 + n, { bytes: n }) // fixstr
  table[0xc1] = undefined
  const sizes = [1, 2, 4]
  for (const [i, lengthSize] of sizes.entries()) {
    set(0xc4 + i, { lengthSize, bytesPerLength: 1 }) // bin
    set(0xc7 + i, { lengthSize, bytesPerLength: 1, bytes: 1 }) // ext, with its type
    set(0xd9 + i, { lengthSize, bytesPerLength: 1 }) // str
  }
  set(0xca, { bytes: 4 }) // float 32
  set(0xcb, { bytes: 8 }) // float 64
  for (let i = 0; i < 4; i++) {
    set(0xcc + i, { bytes: 2 ** i }) // uint
    set(0xd0 + i, { bytes: 2 ** i }) // int
  }
  for (let i = 0; i < 5; i++) set(0xd4 + i, { bytes: 1 + 2 ** i }) // fixext
  for (const [i, lengthSize] of [2, 4].entries()) {
    set(0xdc + i, { lengthSize, valuesPerLength: 1 }) // array
    set(0xde + i, { lengthSize, valuesPerLength: 2 }) // map
  }
  return table
}

/**
 * A query argument or a JSON field of this name comes from any client. The decoder refuses it for the sake of the
 * prototype, and a refused message would end its event; so the key gets another name.
 */
const PROTO = '__proto__'
const HARMLESS_PROTO = '__proto__ '

const decoder = new Decoder({
  keyDecoder: {
    canBeCached: (size) => size === PROTO.length,
    decode(bytes, offset, size) {
      const key = Buffer.from(bytes.buffer, bytes.byteOffset + offset, size).toString()
      return key === PROTO ? HARMLESS_PROTO : key
    },
  },
})

/**
 * Cuts what a connection delivers into messages: MessagePack values, one after the other, without any framing besides
 * their own. Each byte is looked at once, however the network cut them; a whole message is then decoded at once.
 */
export class Framer {
  /** The beginning of the message under way, from earlier reads. */
  #parts: Buffer[] = []
  #size = 0
  /** What the message still needs: values, bytes of the value under way, bytes of its length field. */
  #values = 1
  #bytes = 0
  #lengthSize = 0
  #length = 0
  #layout: Layout | undefined

  /** The messages that this read completes. Text becomes a string, binary a `Buffer`. Throws `FramingError`. */
  push(read: Buffer): unknown[] {
    const messages: unknown[] = []
    let start = 0
    let at = 0
    while (at < read.length) {
      at = this.#bytes > 0 && this.#lengthSize === 0 ? this.#pass(read, at) : this.#look(read[at]!, at)
      if (this.#values === 0 && this.#bytes === 0 && this.#lengthSize === 0) {
        messages.push(decoded(this.#take(read.subarray(start, at))))
        start = at
      }
    }
    if (start < read.length) {
      this.#parts.push(read.subarray(start))
      this.#size += read.length - start
    }
    if (this.#size + this.#bytes > MAX_MESSAGE_SIZE) throw new FramingError('message too large')
    return messages
  }

  #pass(read: Buffer, at: number): number {
    const passed = Math.min(this.#bytes, read.length - at)
    this.#bytes -= passed
    return at + passed
  }

  #look(byte: number, at: number): number {
    if (this.#lengthSize > 0) {
      this.#length = this.#length * 256 + byte
      if (--this.#lengthSize === 0) {
        this.#bytes += this.#length * this.#layout!.bytesPerLength
        this.#values += this.#length * this.#layout!.valuesPerLength
      }
      return at + 1
    }
    const layout = LAYOUTS[byte]
    if (layout === undefined) throw new FramingError('not MessagePack')
    this.#values += layout.values - 1
    this.#bytes = layout.bytes
    this.#lengthSize = layout.lengthSize
    this.#length = 0
    this.#layout = layout
    return at + 1
  }

  #take(last: Buffer): Buffer {
    const message = this.#parts.length === 0 ? last : Buffer.concat([...this.#parts, last])
    this.#parts = []
    this.#size = 0
    this.#values = 1
    return message
  }
}

function decoded(message: Buffer): unknown {
  try {
    return decoder.decode(message)
  } catch (error) {
    throw new FramingError('not a message', { cause: error })
  }
}

/** An encoder keeps the room that its largest message took: after one above this size, another one is made. Bytes. */
const MAX_KEPT = 64 * 1024

let encoder = new Encoder()

/** Bytes of one message. Strings go as text, buffers as binary; throws for what MessagePack has no form for. */
export function encodeMessage(message: unknown): Uint8Array {
  const bytes = Buffer.from(encoder.encodeSharedRef(message))
  if (bytes.length > MAX_KEPT) encoder = new Encoder()
  return bytes
}
