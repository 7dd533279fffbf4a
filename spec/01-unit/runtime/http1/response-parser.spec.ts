import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ResponseHead } from '../../../../lib/runtime/http1/response-head.js'
import { ResponseParser } from '../../../../lib/runtime/http1/response-parser.js'
import { byteByByte, everyCut } from '../../../support/cuts.js'
import { BAD, GOOD, OWN_GOOD, STRICTLY_BAD, type Sample } from './messages.js'

/** What a parser makes of an answer that comes in these pieces. */
function parsed(pieces: Iterable<Uint8Array>, { method = 'GET', ended = false }: Partial<Sample>) {
  const parser = new ResponseParser()
  parser.begin(method)
  const heads: ResponseHead[] = []
  const body: Buffer[] = []
  const look = () => {
    if (parser.head) heads.push(parser.head)
    if (parser.body) body.push(parser.body)
  }
  for (const piece of pieces) {
    if (parser.complete || parser.fault !== undefined) break
    // The parser changes what it reads.
    parser.read(Buffer.from(piece))
    look()
  }
  if (ended && parser.fault === undefined) {
    parser.end()
    look()
  }
  expect(heads.length).toBeLessThanOrEqual(1)
  const { complete, fault } = parser
  const [head] = heads
  return {
    status: head?.status,
    headers: { ...head?.headers },
    persistent: head?.persistent,
    body: String(Buffer.concat(body)),
    complete,
    fault,
  }
}

const bytesOf = ({ bytes }: Sample) => Buffer.from(bytes, 'latin1')
/** A cut within so many bytes of either end: long messages repeat themselves in the middle. */
const EDGE = 150

describe('an answer', () => {
  it.each([...GOOD, ...OWN_GOOD])('is understood: $name', (sample) => {
    const { status = 200, headers = {}, body = '', kept = false } = sample
    const bytes = bytesOf(sample)
    const whole = parsed([bytes], sample)
    expect(whole).toMatchObject({ status, headers, body, complete: true, fault: undefined })
    const parser = new ResponseParser()
    parser.begin(sample.method ?? 'GET')
    parser.read(Buffer.from(bytes))
    expect(Boolean(parser.head?.persistent) && !parser.surplus).toBe(kept)
    expect(parsed(byteByByte(bytes), sample)).toEqual(whole)
    for (const cut of everyCut(bytes, EDGE)) expect(parsed(cut, sample)).toEqual(whole)
  })

  it.each([...BAD, ...STRICTLY_BAD])('is refused: $name', (sample) => {
    const bytes = bytesOf(sample)
    const whole = parsed([bytes], sample)
    expect(whole.complete).toBe(false)
    expect(whole.fault).toBeDefined()
    expect(parsed(byteByByte(bytes), sample)).toEqual(whole)
    for (const cut of everyCut(bytes, EDGE)) expect(parsed(cut, sample)).toEqual(whole)
  })

  it('takes headers of 64 KiB, and not a byte more', () => {
    const head = (size: number) => {
      const rest = 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\na: '
      return `${rest}${'x'.repeat(size - rest.length)}\r\n\r\n`
    }
    for (const [size, complete] of [
      [65_536, true],
      [65_537, false],
    ] as const) {
      const bytes = Buffer.from(head(size))
      expect(parsed([bytes], {}).complete).toBe(complete)
      for (const cut of everyCut(bytes, 6)) expect(parsed(cut, {}).complete).toBe(complete)
    }
  })

  it('does not depend on how its bytes were cut', () => {
    const samples = fc.constantFrom(...GOOD, ...OWN_GOOD, ...BAD, ...STRICTLY_BAD)
    const cuts = fc.array(fc.nat(), { maxLength: 12 })
    fc.assert(
      fc.property(samples, cuts, (sample, places) => {
        const bytes = bytesOf(sample)
        const at = places.map((place) => place % (bytes.length + 1)).toSorted((a, b) => a - b)
        const pieces = [0, ...at].map((from, i) => bytes.subarray(from, at[i] ?? bytes.length))
        const filled = pieces.filter(({ length }) => length > 0)
        expect(parsed(filled, sample)).toEqual(parsed([bytes], sample))
      }),
      { numRuns: 2000 },
    )
  })

  it('does not depend on how its body was cut into chunks, nor those into reads', () => {
    const chunks = fc.array(fc.uint8Array({ minLength: 1, maxLength: 400 }), { maxLength: 30 })
    fc.assert(
      fc.property(chunks, fc.array(fc.nat(), { maxLength: 8 }), (bodies, places) => {
        const bytes = Buffer.concat([
          Buffer.from('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n'),
          ...bodies.flatMap((body) => [
            Buffer.from(`${body.length.toString(16)}\r\n`),
            body,
            Buffer.from('\r\n'),
          ]),
          Buffer.from('0\r\n\r\n'),
        ])
        const at = places.map((place) => place % (bytes.length + 1)).toSorted((a, b) => a - b)
        const parser = new ResponseParser()
        parser.begin('POST')
        const read: Buffer[] = []
        let from = 0
        for (const to of [...at, bytes.length]) {
          if (to === from) continue
          // In a larger buffer, with what an earlier read left behind it.
          parser.read(Buffer.concat([bytes.subarray(from, to), bytes]), to - from)
          if (parser.body) read.push(parser.body)
          from = to
        }
        expect(parser.complete).toBe(true)
        expect(parser.surplus).toBe(false)
        expect(Buffer.concat(read)).toEqual(Buffer.concat(bodies))
      }),
    )
  })

  it('whatever its bytes, is understood or refused', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        'HTTP/1.1 200 OK',
        '\r\n',
        '\r',
        '\n',
        '0',
        '5',
        'a: b',
        'content-length: ',
        'transfer-encoding: chunked',
        ';',
        ' ',
      ),
      fc.string({ unit: 'binary', maxLength: 4 }),
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        const bytes = Buffer.from(pieces.join(''), 'latin1')
        const { complete, fault } = parsed([bytes], { ended: true })
        expect(complete).toBe(fault === undefined)
        expect(parsed(byteByByte(bytes), { ended: true })).toEqual(parsed([bytes], { ended: true }))
      }),
      { numRuns: 2000 },
    )
  })
})

describe('a parser', () => {
  const ANSWER = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;x\r\nhello\r\n0\r\n\r\n'

  it('reads one answer after the other', () => {
    const parser = new ResponseParser()
    for (let i = 0; i < 3; i++) {
      parser.begin('GET')
      expect(parser.begun).toBe(false)
      for (const piece of byteByByte(Buffer.from(ANSWER))) parser.read(Buffer.from(piece))
      expect(parser.begun).toBe(true)
      expect(parser.complete).toBe(true)
    }
  })

  it('gives all that a read brought of the body as one piece that is its own', () => {
    const parser = new ResponseParser()
    parser.begin('GET')
    const buffer = Buffer.from(
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n1',
    )
    parser.read(buffer)
    const { body } = parser
    buffer.fill(0)
    expect(String(body)).toBe('hello')
  })

  it('says which read ended an informational answer', () => {
    const parser = new ResponseParser()
    parser.begin('GET')
    parser.read(Buffer.from('HTTP/1.1 103 Early Hints\r\n'))
    expect(parser.informed).toBe(false)
    parser.read(Buffer.from('\r\nHTTP/1.1 '))
    expect(parser.informed).toBe(true)
    parser.read(Buffer.from('200 OK\r\n'))
    expect(parser.informed).toBe(false)
  })
})
