import http from 'node:http'
import { describe, expect, it } from 'vitest'
import { BAD, GOOD, OWN_GOOD, STRICTLY_BAD, type Sample } from '../../01-unit/runtime/http1/messages.js'
import { rawUpstream } from '../../support/raw-http.js'
import { call, requestTo, upstreams } from '../../support/upstream.js'

const FAILED = 'failed'

/** A server that gives this answer, all at once, and closes its side. */
async function answering(sample: Sample) {
  return await rawUpstream((socket) => void socket.end(Buffer.from(sample.bytes, 'latin1')))
}

async function ours(sample: Sample) {
  const server = await answering(sample)
  const { method = 'GET' } = sample
  const { status, body, failure } = await call(upstreams(), requestTo(server.url, { method })).over
  return failure ? FAILED : { status, body }
}

/** What `node:http` makes of it, and with it llhttp. */
async function nodes(sample: Sample) {
  const server = await answering(sample)
  return await new Promise<unknown>((resolve) => {
    const fail = () => resolve(FAILED)
    const { method = 'GET' } = sample
    const request = http.request(server.url, { method, agent: false, maxHeaderSize: 65_536 }, (answer) => {
      let body = ''
      answer.setEncoding('latin1')
      answer.on('data', (piece: string) => (body += piece))
      answer.on('end', () => resolve({ status: answer.statusCode, body }))
      answer.on('error', fail)
    })
    request.on('error', fail).on('upgrade', fail).end()
  })
}

describe('an answer over a socket', () => {
  it.each(GOOD)('is what node:http takes it for: $name', async (sample) => {
    const seen = await ours(sample)
    expect(seen).toEqual({ status: sample.status ?? 200, body: sample.body ?? '' })
    expect(await nodes(sample)).toEqual(seen)
  })

  it.each(OWN_GOOD)('is understood: $name', async (sample) => {
    const { status = 200, body = '' } = sample
    expect(await ours(sample)).toEqual({ status, body })
  })

  it.each(BAD)('is a failure, as for node:http: $name', async (sample) => {
    expect(await ours(sample)).toBe(FAILED)
    expect(await nodes(sample)).toBe(FAILED)
  })

  it.each(STRICTLY_BAD)('is a failure: $name', async (sample) => {
    expect(await ours(sample)).toBe(FAILED)
  })

  it('gives what came before a fault, then the failure', async () => {
    const bytes = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n'
    const server = await answering({ name: '', bytes })
    const { status, body, failure } = await call(upstreams(), requestTo(server.url)).over
    expect({ status, body }).toEqual({ status: 200, body: 'hello' })
    expect(failure).toMatchObject({ kind: 'closed' })
  })

  it('goes on as one piece a read, however many chunks that has', async () => {
    const head = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n'
    const server = await answering({ name: '', bytes: `${head}${'5\r\nhello\r\n'.repeat(200)}0\r\n\r\n` })
    const { pieces } = await call(upstreams(), requestTo(server.url)).over
    expect(pieces).toEqual(['hello'.repeat(200)])
  })
})
