import { crc32 } from 'node:zlib'

/** One message of an AWS event stream: https://smithy.io/2.0/aws/amazon-eventstream.html */
export function awsMessage(
  headers: Record<string, string>,
  payload: string,
  moreHeaders: Buffer[] = [],
): Buffer {
  const head = Buffer.concat([
    ...moreHeaders,
    ...Object.entries(headers).map(([name, value]) => awsString(name, value)),
  ])
  const body = Buffer.from(payload)
  const message = Buffer.alloc(16 + head.length + body.length)
  message.writeUInt32BE(message.length, 0)
  message.writeUInt32BE(head.length, 4)
  message.writeUInt32BE(crc32(message.subarray(0, 8)), 8)
  head.copy(message, 12)
  body.copy(message, 12 + head.length)
  message.writeUInt32BE(crc32(message.subarray(0, -4)), message.length - 4)
  return message
}

/** An event as Bedrock sends it. */
export function awsEvent(type: string, payload: unknown): Buffer {
  const headers = { ':event-type': type, ':content-type': 'application/json', ':message-type': 'event' }
  return awsMessage(headers, JSON.stringify(payload))
}

export function awsException(type: string, payload: unknown): Buffer {
  const headers = {
    ':exception-type': type,
    ':content-type': 'application/json',
    ':message-type': 'exception',
  }
  return awsMessage(headers, JSON.stringify(payload))
}

/** A header of any type: its value as the wire has it, without a length. */
export function awsHeader(name: string, type: number, value: Buffer): Buffer {
  const bytes = Buffer.from(name)
  return Buffer.concat([Buffer.from([bytes.length]), bytes, Buffer.from([type]), value])
}

/** A header of type string. */
export function awsString(name: string, value: string): Buffer {
  const bytes = Buffer.from(value)
  const length = Buffer.alloc(2)
  length.writeUInt16BE(bytes.length)
  return awsHeader(name, 7, Buffer.concat([length, bytes]))
}
