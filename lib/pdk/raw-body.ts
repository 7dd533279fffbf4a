/**
 * A body: a Buffer that also answers the string methods which Buffer lacks (`replace`, `match`, `split`, ...), over its UTF-8
 * text. Plugins written for kong-pdk treat bodies as text, those that know bytes get bytes; what both have (`slice`, `length`,
 * `indexOf`, ...) is Buffer's.
 */
export type RawBody = Buffer & Pick<string, Exclude<StringMethod, keyof Buffer>>

type StringMethod = Exclude<keyof string, symbol | number>

class TextBuffer extends Uint8Array {}

// The prototypes are linked once: TextBuffer's instances are Buffers for `Buffer.isBuffer`, `instanceof` and every Node API.
Object.setPrototypeOf(TextBuffer.prototype, Buffer.prototype)

for (const name of Object.getOwnPropertyNames(String.prototype)) {
  if (name in Buffer.prototype) continue
  Object.defineProperty(TextBuffer.prototype, name, {
    value(this: Buffer, ...args: unknown[]): unknown {
      return Reflect.apply(Reflect.get(String.prototype, name), this.toString(), args)
    },
  })
}

/** A view on the same bytes, no copy. */
export function rawBody(bytes: Buffer): RawBody {
  return new TextBuffer(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength) as unknown as RawBody
}
