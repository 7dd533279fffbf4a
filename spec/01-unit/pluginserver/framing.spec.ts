import { decode, Decoder, encode } from '@msgpack/msgpack'
import { array, assert, jsonValue, nat, property } from 'fast-check'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { encodeMessage, Framer, FramingError, MAX_MESSAGE_SIZE } from '../../../lib/pluginserver/framing.js'
import { recordings } from '../../support/kong-double-replay.js'

/** One value of each format of the MessagePack specification, by the name it has there. */
const FORMATS: Record<string, number[]> = {
  'positive fixint': [0x7f],
  'negative fixint': [0xff],
  nil: [0xc0],
  false: [0xc2],
  true: [0xc3],
  'uint 8': [0xcc, 1],
  'uint 16': [0xcd, 1, 2],
  'uint 32': [0xce, 1, 2, 3, 4],
  'uint 64': [0xcf, 0, 0, 0, 255, 1, 2, 3, 4],
  'int 8': [0xd0, 255],
  'int 16': [0xd1, 255, 2],
  'int 32': [0xd2, 255, 2, 3, 4],
  'int 64': [0xd3, 255, 255, 255, 255, 1, 2, 3, 4],
  'float 32': [0xca, 0x3f, 0x80, 0, 0],
  'float 64': [0xcb, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0],
  fixstr: [0xa2, 0x61, 0x62],
  'str 8': [0xd9, 1, 0x61],
  'str 16': [0xda, 0, 1, 0x61],
  'str 32': [0xdb, 0, 0, 0, 1, 0x61],
  'bin 8': [0xc4, 2, 1, 2],
  'bin 16': [0xc5, 1, 0, ...Array(256).fill(7)],
  'bin 32': [0xc6, 0, 0, 0, 2, 1, 2],
  fixarray: [0x92, 1, 0x91, 2],
  'array 16': [0xdc, 0, 2, 0x91, 1, 2],
  'array 32': [0xdd, 0, 0, 0, 2, 0x91, 1, 2],
  fixmap: [0x81, 0xa1, 0x61, 0x80],
  'map 16': [0xde, 0, 1, 0xa1, 0x61, 0x91, 1],
  'map 32': [0xdf, 0, 0, 0, 1, 0xa1, 0x61, 0x91, 1],
  'fixext 1': [0xd4, 5, 1],
  'fixext 2': [0xd5, 5, 1, 2],
  'fixext 4': [0xd6, 5, 1, 2, 3, 4],
  'fixext 8': [0xd7, 5, ...Array(8).fill(1)],
  'fixext 16': [0xd8, 5, ...Array(16).fill(1)],
  'ext 8': [0xc7, 3, 5, 1, 2, 3],
  'ext 16': [0xc8, 0, 3, 5, 1, 2, 3],
  'ext 32': [0xc9, 0, 0, 0, 3, 5, 1, 2, 3],
}

function pushAll(reads: Buffer[]): unknown[] {
  const framer = new Framer()
  return reads.flatMap((read) => framer.push(read))
}

const everyByte = (bytes: Buffer): Buffer[] => Array.from(bytes, (_, at) => bytes.subarray(at, at + 1))

describe('Framer', () => {
  for (const [name, bytes] of Object.entries(FORMATS)) {
    it(`finds the end of ${name}`, () => {
      const message = Buffer.from(bytes)
      const marked = Buffer.concat([message, message, Buffer.from([0x2a])])
      const value = decode(message)
      expect(pushAll([marked])).toEqual([value, value, 42])
      expect(pushAll(everyByte(marked))).toEqual([value, value, 42])
    })
  }

  it('gives the messages of a real Kong, however they were cut', () => {
    for (const { messages } of recordings().filter(({ name }) => name !== 'body-20k-size-0')) {
      const sent = messages.filter(({ from, hex }) => from === 'kong' && hex !== undefined)
      const bytes = sent.map(({ hex }) => Buffer.from(hex!, 'hex'))
      const expected = bytes.map((message) => decode(message))
      expect(pushAll([Buffer.concat(bytes)])).toEqual(expected)
      expect(pushAll(everyByte(Buffer.concat(bytes)))).toEqual(expected)
    }
  })

  it('gives any messages, however they were cut', () => {
    const value = jsonValue().filter((json) => !JSON.stringify(json).includes('__proto__'))
    assert(
      property(array(value, { maxLength: 4 }), array(nat(200)), (values, cuts) => {
        const bytes = Buffer.concat(values.map((one) => encode(one)))
        const at = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length]
        const reads = at.slice(1).map((end, i) => bytes.subarray(at[i], end))
        expect(pushAll(reads)).toEqual(values.map((one) => decode(encode(one))))
      }),
    )
  })

  it('keeps binary and text apart', () => {
    const [message] = pushAll([Buffer.from(encode([Buffer.from('abc'), 'abc']))])
    expect(message).toEqual([Buffer.from('abc'), 'abc'])
    expect(Buffer.from(encodeMessage([Buffer.from('abc'), 'abc'])).toString('hex')).toBe(
      '92c403616263a3616263',
    )
  })

  it('decodes a message of 3 MB once, whatever the number of its reads', () => {
    const decoded = vi.spyOn(Decoder.prototype, 'decode')
    onTestFinished(() => decoded.mockRestore())
    const body = Buffer.alloc(3 * 1024 * 1024, 'x')
    const bytes = Buffer.from(encode([0, 1, 'plugin.Step', [{ Data: body }]]))
    const reads = Array.from({ length: Math.ceil(bytes.length / 1024) }, (_, i) =>
      bytes.subarray(i * 1024, (i + 1) * 1024),
    )
    const messages = pushAll(reads)
    expect(decoded).toHaveBeenCalledTimes(1)
    const [, , , [step]] = messages[0] as [number, number, string, [{ Data: Buffer }]]
    expect(step.Data.equals(body)).toBe(true)
  })

  it('lets no client end an event by the name of a query argument', () => {
    const query = Buffer.concat([
      Buffer.from([0x81, 0xa9]),
      Buffer.from('__proto__'),
      Buffer.from([0x91, 0xa1, 0x31]),
    ])
    const [message] = pushAll([query]) as [object]
    expect(Object.values(message)).toEqual([['1']])
    expect(Object.getPrototypeOf(message)).toBe(Object.prototype)
  })

  it('passes on a header that is no UTF-8', () => {
    const latin1 = Buffer.from([0x92, 0xa2, 0x61, 0xe9, 0xa1, 0x62])
    const [message] = pushAll([latin1]) as [string[]]
    expect([message[0]?.[0], message[1]]).toEqual(['a', 'b'])
  })

  it('refuses bytes that are no MessagePack', () => {
    expect(() => new Framer().push(Buffer.from([0x94, 0xc1]))).toThrow(FramingError)
  })

  it('refuses a map whose keys are no names', () => {
    expect(() => new Framer().push(Buffer.from([0x81, 0x90, 1]))).toThrow(FramingError)
  })

  it('refuses a message that announces more than fits, before it has come', () => {
    const announced = Buffer.alloc(5)
    announced.writeUInt8(0xc6, 0)
    announced.writeUInt32BE(MAX_MESSAGE_SIZE + 1, 1)
    expect(() => new Framer().push(announced)).toThrow(FramingError)
  })
})
