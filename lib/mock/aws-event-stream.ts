import { crc32 } from 'node:zlib'

const PRELUDE_BYTES = 12
const CRC_BYTES = 4
const STRING_TYPE = 7

/**
 * One message of AWS's event stream encoding, with headers of type string.
 *
 *     total length | headers length | CRC of both | headers | payload | CRC of all before
 *
 * Numbers are big-endian. Source: https://docs.aws.amazon.com/transcribe/latest/dg/event-stream.html
 */
export function encodeMessage(headers: Readonly<Record<string, string>>, payload: Uint8Array): Buffer {
  const head = Buffer.concat(Object.entries(headers).map(([name, value]) => encodeHeader(name, value)))
  const total = PRELUDE_BYTES + head.length + payload.length + CRC_BYTES

  const prelude = Buffer.alloc(PRELUDE_BYTES)
  prelude.writeUInt32BE(total, 0)
  prelude.writeUInt32BE(head.length, 4)
  prelude.writeUInt32BE(crc32(prelude.subarray(0, 8)), 8)

  const message = Buffer.concat([prelude, head, payload, Buffer.alloc(CRC_BYTES)])
  message.writeUInt32BE(crc32(message.subarray(0, total - CRC_BYTES)), total - CRC_BYTES)
  return message
}

/** Name length (1 byte), name, type (1 byte), value length (2 bytes), value. */
function encodeHeader(name: string, value: string): Buffer {
  const nameBytes = Buffer.from(name)
  const valueBytes = Buffer.from(value)
  const valueLength = Buffer.alloc(2)
  valueLength.writeUInt16BE(valueBytes.length)
  return Buffer.concat([
    Buffer.from([nameBytes.length]),
    nameBytes,
    Buffer.from([STRING_TYPE]),
    valueLength,
    valueBytes,
  ])
}
