import { isDeepStrictEqual } from 'node:util'
import zlib from 'node:zlib'
import { beforeAll, describe, expect, it } from 'vitest'
import { createAnswer } from '../../../lib/llm/answers/index.js'
import { driverOf } from '../../../lib/llm/drivers/index.js'
import { ChatError } from '../../../lib/llm/errors.js'
import { aiGateway, messages, post } from '../../support/ai-gateway.js'
import { mulberry32 } from '../../support/cuts.js'
import {
  FAMILIES,
  familyConfig,
  outcome,
  recorded,
  type Outcome,
  type Recorded,
} from '../../support/families.js'
import { object } from '../../support/json.js'
import { rawUpstream } from '../../support/raw-http.js'

interface Served {
  /** The headers of the provider's body: its length and kind. */
  headers?: string
  /** The provider closes its connection, which ends the body or cuts it. */
  cut?: boolean
}

/** A gateway in front of a provider whose next body is what `serve` is given. */
async function running(provider: string, stream: boolean, contentType: string) {
  let next: { body: Buffer; head: string; cut: boolean }
  const upstream = await rawUpstream((socket) => {
    const { body, head, cut } = next
    socket.write(`HTTP/1.1 200 OK\r\ncontent-type: ${contentType}\r\n${head}\r\n`)
    if (head.includes('chunked')) {
      if (body.length > 0) socket.write(`${body.length.toString(16)}\r\n`)
      socket.write(body)
      if (!cut) socket.write(body.length > 0 ? '\r\n0\r\n\r\n' : '0\r\n\r\n')
    } else {
      socket.write(body)
    }
    socket.end()
  })
  const gateway = await aiGateway(familyConfig(provider, upstream.url))
  return async (body: Buffer, { headers = 'connection: close\r\n', cut = false }: Served = {}) => {
    next = { body, head: headers, cut }
    const result = await outcome(await post(gateway, { messages, stream }))
    expect(gateway.problems.filter(({ message }) => !/^no answer from upstream$/.test(message))).toEqual([])
    return result
  }
}

/** Since Node 22.15; the types are of Node 20. */
const { zstdCompressSync } = zlib as { zstdCompressSync?: (bytes: Buffer) => Buffer }
const zstd = (body: Buffer) => (zstdCompressSync ? [['zstd', zstdCompressSync(body)] as const] : [])

const NOTHINGS = [
  '',
  ' \n',
  'null',
  '[]',
  '{}',
  '"text"',
  '7',
  '{"choices":',
  '<html><h1>Busy</h1></html>',
  '\0\0\0',
]
const CHUNKED = 'transfer-encoding: chunked\r\nconnection: close\r\n'

describe.each(FAMILIES)('%s', (provider) => {
  describe.each([
    ['streamed', true],
    ['whole', false],
  ])('%s', (_, stream) => {
    let good: Recorded
    let whole: Outcome
    beforeAll(async () => {
      good = await recorded(provider, stream)
      whole = await (await running(provider, stream, good.contentType))(good.body)
    })

    it('is whole as it comes from the provider', () => {
      expect(whole).toMatchObject({ status: 200, complete: true, finish: 'stop', error: undefined })
      expect(whole.text.length).toBeGreaterThan(10)
    })

    function expectHonest(result: Outcome): void {
      expect({ ...result, isHonest: isHonest(result, whole) }).toMatchObject({ isHonest: true })
    }

    it('is never called whole where its connection broke', async () => {
      const serve = await running(provider, stream, good.contentType)
      for (const at of places(good.body.length)) {
        const result = await serve(good.body.subarray(0, at), { headers: CHUNKED, cut: true })
        expect(result.complete && !stream).toBe(false)
        expectHonest(result)
      }
    })

    it('is never called whole where its body ended too early', async () => {
      const serve = await running(provider, stream, good.contentType)
      for (const at of places(good.body.length)) expectHonest(await serve(good.body.subarray(0, at)))
    })

    it('is never called whole where it was cut, at any byte', async () => {
      const short = await recorded(provider, stream, 'some-model', { max_tokens: 4 })
      const { length } = short.body
      const all = await translated(provider, stream, short, length, 'ended')
      expect(all).toMatchObject({ complete: true, finish: 'length' })
      for (let at = 0; at < length; at++) {
        for (const end of ['broke', 'ended'] as const) {
          const result = await translated(provider, stream, short, at, end)
          expect({ ...result, isHonest: isHonest(result, all) }).toMatchObject({ isHonest: true })
        }
      }
    })

    it('is read through gzip, deflate, with and without zlib header, br, and zstd where Node has it', async () => {
      const serve = await running(provider, stream, good.contentType)
      for (const [coding, bytes] of [
        ['gzip', zlib.gzipSync(good.body)],
        ['x-gzip', zlib.gzipSync(good.body)],
        ['GZip', zlib.gzipSync(good.body)],
        ['deflate', zlib.deflateSync(good.body)],
        ['deflate', zlib.deflateRawSync(good.body)],
        ['br', zlib.brotliCompressSync(good.body)],
        ['identity', good.body],
        ...zstd(good.body),
      ] as const) {
        expect(await serve(bytes, { headers: `content-encoding: ${coding}\r\n` })).toEqual(whole)
      }
    })

    it('is never called whole where its compressed body is cut, spoilt or none', async () => {
      const serve = await running(provider, stream, good.contentType)
      const spoilt = (bytes: Buffer) => {
        const copy = Buffer.from(bytes)
        copy.fill(0xff, copy.length >> 1, (copy.length >> 1) + 8)
        return copy
      }
      for (const [coding, bytes] of [
        ['gzip', zlib.gzipSync(good.body)],
        ['deflate', zlib.deflateSync(good.body)],
        ['br', zlib.brotliCompressSync(good.body)],
        ...zstd(good.body),
      ] as const) {
        const headers = `content-encoding: ${coding}\r\n`
        const half = await serve(bytes.subarray(0, bytes.length >> 1), { headers })
        expect(half.complete).toBe(false)
        expectHonest(half)
        expect((await serve(spoilt(bytes), { headers })).complete).toBe(false)
        expect(await serve(good.body, { headers })).toMatchObject({ status: 502, complete: false })
      }
    })

    it('is a 502 that names a coding that nobody can undo', async () => {
      const serve = await running(provider, stream, good.contentType)
      for (const coding of ['compress', 'gzip, br', 'aes128gcm']) {
        const { status, error } = await serve(good.body, { headers: `content-encoding: ${coding}\r\n` })
        expect(status).toBe(502)
        expect(error?.message).toBe(`the upstream's content-encoding '${coding}' cannot be decoded here`)
      }
    })

    it.skipIf('createZstdDecompress' in zlib)(
      'is a 502 where it is zstd and this Node has none',
      async () => {
        const serve = await running(provider, stream, good.contentType)
        const { status, error } = await serve(good.body, { headers: 'content-encoding: zstd\r\n' })
        expect(status).toBe(502)
        expect(error?.message).toContain('zstd')
      },
    )

    it('is an error where it is nothing of its API', async () => {
      const serve = await running(provider, stream, good.contentType)
      for (const body of NOTHINGS) {
        const { status, complete } = await serve(Buffer.from(body))
        expect({ body, complete }).toEqual({ body, complete: false })
        expect([500, 502]).toContain(status)
      }
    })

    it('is an error where it is a page of somebody in between', async () => {
      const serve = await running(provider, stream, 'text/html')
      const { status, complete } = await serve(Buffer.from('<html><h1>Please log in</h1></html>'))
      expect(complete).toBe(false)
      expect([500, 502]).toContain(status)
    })

    it('is an error where a good status has an error for a body', async () => {
      const { body } = await recorded(provider, stream, 'error/429')
      const serve = await running(provider, stream, 'application/json')
      const { status, complete } = await serve(body)
      expect(complete).toBe(false)
      expect(status).toBeGreaterThanOrEqual(400)
    })

    it('whatever its bytes, is whole or failed', async () => {
      let bytes = good.body
      const good200 = stream ? /\ndata: (\[DONE\]|\{"error":.*\})\n\n$/ : /"choices":/
      const random = mulberry32(7)
      const upstream = await rawUpstream((socket) => {
        socket.write(`HTTP/1.1 200 OK\r\ncontent-type: ${good.contentType}\r\nconnection: close\r\n\r\n`)
        socket.end(bytes)
      })
      const gateway = await aiGateway(familyConfig(provider, upstream.url))
      for (let run = 0; run < 15; run++) {
        bytes = Buffer.from(good.body)
        for (let i = 0; i < 1 + random() * 5; i++) {
          bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256)
        }
        const response = await post(gateway, { messages, stream })
        const text = await response.text()
        expect(text).toMatch(response.status === 200 ? good200 : /^\{"error":\{"message":"/)
      }
    })
  })
})

/** Whole, or failed: never less than whole and said to be whole. */
function isHonest(result: Outcome, whole: Outcome): boolean {
  if (!whole.text.startsWith(result.text)) return false
  return result.complete ? isDeepStrictEqual(result, whole) : result.error !== undefined
}

/** What comes of the first bytes of an answer, without the sockets: quick enough for every place to cut it. */
async function translated(
  provider: string,
  stream: boolean,
  { body, contentType }: Recorded,
  length: number,
  end: 'broke' | 'ended',
): Promise<Outcome> {
  const { options } = object(familyConfig(provider, 'http://localhost').model)
  const driver = driverOf(provider, object(options ?? {}))!
  const native = driver.native?.['llm/v1/chat'] !== undefined
  const answer = createAnswer({
    driver,
    route: 'llm/v1/chat',
    native,
    stream,
    contentType,
    model: 'some-model',
    includeUsage: false,
  })
  answer.push(body.subarray(0, length))
  if (end === 'broke') answer.fail(ChatError.badUpstream('cut', 'answer_cut_off'))
  else answer.end()
  const told = answer.read()
  if (told === undefined) return outcomeOf(JSON.stringify(answer.error!.toBody()), answer.error!.status)
  return outcomeOf(told.toString(), 200, stream ? 'text/event-stream' : 'application/json')
}

const outcomes = new Map<string, Promise<Outcome>>()

/** The outcome of a body, most of which come of many cuts: each is read once. */
function outcomeOf(body: string, status: number, type = 'application/json'): Promise<Outcome> {
  const key = `${status} ${type} ${body}`
  const known =
    outcomes.get(key) ?? outcome(new Response(body, { status, headers: { 'content-type': type } }))
  outcomes.set(key, known)
  return known
}

/** The edges of a body and some places in between. */
function places(length: number): number[] {
  const random = mulberry32(length)
  const some = Array.from({ length: 20 }, () => Math.floor(random() * length))
  const edges = Array.from({ length: 10 }, (_, at) => [at, length - 1 - at]).flat()
  return [...new Set([...some, ...edges])].filter((at) => at >= 0 && at < length)
}
