import * as fc from 'fast-check'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { Duplex } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import type { ResponseHead } from '../../lib/runtime/http1/response-head.js'
import { ResponseParser } from '../../lib/runtime/http1/response-parser.js'
import { seededCuts } from '../support/cuts.js'
import { checkAsync } from './settings.js'

/** An answer as it was understood. */
interface Understood {
  status: number
  /** In their order, of each name. */
  headers: Record<string, string[]>
  body: string
}

/** How our parser reads the answer to a GET, then the end of the connection; `undefined` where it refuses it or sees it cut short. */
function byUs(pieces: Iterable<Uint8Array>): Understood | undefined {
  const parser = new ResponseParser()
  parser.begin('GET')
  let head: ResponseHead | undefined
  const body: Buffer[] = []
  const look = () => {
    head ??= parser.head
    if (parser.body) body.push(parser.body)
  }
  for (const piece of pieces) {
    if (parser.complete || parser.fault !== undefined) break
    // The parser changes what it reads.
    parser.read(Buffer.from(piece))
    look()
  }
  if (parser.fault === undefined && !parser.complete) {
    parser.end()
    look()
  }
  if (!head || !parser.complete || parser.fault !== undefined) return undefined
  const headers = Object.entries(head.headers).map(([name, value]) => [name, [value].flat()])
  return {
    status: head.status,
    headers: Object.fromEntries(headers) as Understood['headers'],
    body: Buffer.concat(body).toString('latin1'),
  }
}

/** How Node's client does. */
async function byNode(bytes: Uint8Array): Promise<Understood | undefined> {
  const connection = new Duplex({ read() {}, write: (_bytes, _encoding, done) => done() })
  const sent = request({ createConnection: () => connection, maxHeaderSize: 256 * 1024 })
  sent.on('error', () => {})
  sent.end()
  connection.push(bytes)
  connection.push(null)
  try {
    const [answer] = (await once(sent, 'response')) as [IncomingMessage]
    const body = await buffer(answer)
    // A parser's error behind the answer ends Node's connection, not the answer.
    if (!answer.complete) return undefined
    const headers: Understood['headers'] = Object.create(null) as Understood['headers']
    for (let i = 0; i < answer.rawHeaders.length; i += 2) {
      ;(headers[answer.rawHeaders[i]!.toLowerCase()] ??= []).push(answer.rawHeaders[i + 1]!)
    }
    return { status: answer.statusCode!, headers: { ...headers }, body: body.toString('latin1') }
  } catch {
    return undefined
  } finally {
    sent.destroy()
  }
}

const characters = (text: string): string[] => text.split('')

const token = fc.string({
  unit: fc.constantFrom(...characters('abcXYZ019!#$%&*+-.^_`|~')),
  minLength: 1,
  maxLength: 12,
})
const FRAMING_NAMES = new Set(['content-length', 'transfer-encoding', 'connection', '__proto__'])
const field = fc
  .tuple(
    token.filter((name) => !FRAMING_NAMES.has(name.toLowerCase())),
    fc.constantFrom('', ' ', '\t ', '  '),
    fc.string({ unit: fc.constantFrom(...characters('ab,;="é\u00FF:/ \t')), maxLength: 20 }),
  )
  .map(([name, blank, value]) => `${name}:${blank}${value}\r\n`)
const payload = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString('latin1'))
const chunk = fc
  .tuple(payload, fc.boolean(), fc.constantFrom('', ';a', ';a=b', ';a="b c"'))
  .filter(([bytes]) => bytes.length > 0)
  .map(([bytes, upper, extension]) => {
    const size = bytes.length.toString(16)
    return `${upper ? size.toUpperCase() : `0${size}`}${extension}\r\n${bytes}\r\n`
  })
const framed = fc.oneof(
  payload.map((bytes) => [`Content-Length: ${bytes.length}\r\n`, bytes]),
  payload.map((bytes) => ['', bytes]),
  fc
    .tuple(fc.array(chunk, { maxLength: 5 }), fc.array(field, { maxLength: 2 }))
    .map(([chunks, trailers]) => [
      'Transfer-Encoding: chunked\r\n',
      `${chunks.join('')}0\r\n${trailers.join('')}\r\n`,
    ]),
)
const informational = fc.constantFrom('', '', 'HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n')
/** Answers as a server may write them. */
const valid = fc
  .tuple(
    informational,
    fc.constantFrom(200, 201, 299, 400, 404, 429, 500, 529),
    fc.constantFrom('', ' OK', ' Not, Found', ' é'),
    fc.array(field, { maxLength: 5 }),
    framed,
    fc.array(field, { maxLength: 2 }),
  )
  .map(([before, status, reason, fields, [framing, body], more]) =>
    Buffer.from(
      `${before}HTTP/1.1 ${status}${reason}\r\n${fields.join('')}${framing}${more.join('')}\r\n${body}`,
      'latin1',
    ),
  )

/** What makes two readers of one message disagree. */
const SPLICES = [
  ['\r', '\n', '\r\n', '\0', ' ', '\t', ':', '0', 'F', '+', '-', '_', 'x', '\u00A0', '"'],
  ['\r\n ', '\r\n\r\n', '0x', 'chunked', ', chunked', 'gzip, ', '10', '99999999999999999999'],
  ['Content-Length: 3\r\n', 'content-length:3\r\n', 'Content-Length: 3, 3\r\n', 'Content-Length : 3\r\n'],
  ['Transfer-Encoding: chunked\r\n', 'Transfer-Encoding: gzip, chunked\r\n', 'transfer-encoding:\r\n'],
  ['Connection: close\r\n', 'Upgrade: x\r\n', 'HTTP/1.1 204 \r\n\r\n', 'HTTP/1.1 100 \r\n\r\n'],
].flat()

const edit = fc.record({
  at: fc.nat(10_000),
  skip: fc.nat(6),
  put: fc.oneof(fc.constantFrom(...SPLICES), fc.string({ unit: 'binary-ascii', maxLength: 4 })),
})

/** Node reads what nobody uses strictly: chunk extensions, and framing fields among trailers. */
const OF_NO_WEIGHT = /;|content-length|transfer-encoding/i

describe('answers of HTTP/1.1', () => {
  it('that are valid are understood as Node understands them, however they are cut', async () => {
    await checkAsync(
      fc.asyncProperty(valid, fc.nat(), async (bytes, cutSeed) => {
        const expected = await byNode(bytes)
        expect(expected).toBeDefined()
        expect(byUs([bytes])).toEqual(expected)
        for (const cut of seededCuts(bytes, cutSeed, 3)) expect(byUs(cut)).toEqual(expected)
      }),
    )
  })

  it('that are damaged are refused, or understood as Node understands them: nobody is stricter than we', async () => {
    await checkAsync(
      fc.asyncProperty(valid, fc.array(edit, { minLength: 1, maxLength: 3 }), async (bytes, edits) => {
        let damaged = bytes
        for (const { at, skip, put } of edits) {
          const place = at % (damaged.length + 1)
          damaged = Buffer.concat([
            damaged.subarray(0, place),
            Buffer.from(put, 'latin1'),
            damaged.subarray(place + skip),
          ])
        }
        const behindHead = damaged.subarray(damaged.indexOf('\r\n\r\n')).toString('latin1')
        fc.pre(!OF_NO_WEIGHT.test(behindHead))
        expect([undefined, await byNode(damaged)]).toContainEqual(byUs([damaged]))
      }),
    )
  })
})
