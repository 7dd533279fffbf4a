import { crc32 as zlibCrc32 } from 'node:zlib'
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { crc32 } from '../../../../lib/llm/frames/crc32.js'

it('is the CRC-32 of zlib, of any part of any bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), fc.nat(100), (bytes, one, other) => {
      const [start, end] = [Math.min(one, other, bytes.length), Math.min(Math.max(one, other), bytes.length)]
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
      expect(crc32(view, start, end)).toBe(zlibCrc32(bytes.subarray(start, end)))
    }),
  )
})
