import { describe, expect, it } from 'vitest'
import { testGateway } from '../../support/gateway.js'
import { closing } from '../../support/closing.js'
import { origin } from '../../support/origin.js'
import { rawClient, rawUpstream } from '../../support/raw-http.js'

const POST = 'POST / HTTP/1.1\r\nHost: a\r\n'
const GET = 'GET / HTTP/1.1\r\nHost: a\r\n'
const CHUNKED = `${POST}Transfer-Encoding: chunked\r\n\r\n`
/** What would be a request of its own to somebody who sees the first one's end before it. */
const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n'
const LONG = 'a'.repeat(40_000)

const serving = (url: string) =>
  `{ _format_version: "3.0", services: [{ name: s, url: "${url}", routes: [{ paths: [/] }] }] }`

async function running() {
  const upstream = closing(await origin())
  const gateway = closing(await testGateway(serving(upstream.url)))
  return { upstream, gateway }
}

/** The one answer that the bytes get before the connection is closed. */
async function refused(bytes: string | Buffer) {
  const { upstream, gateway } = await running()
  const client = await rawClient(gateway.url)
  client.write(bytes)
  const text = await client.rest()
  const [head = '', body = '', ...more] = text.split('\r\n\r\n')
  expect(more, 'a second answer').toEqual([])
  expect(head.toLowerCase()).toContain('\r\nconnection: close')
  expect(head.toLowerCase()).toContain('\r\ncontent-type: application/json; charset=utf-8')
  const { message, request_id } = JSON.parse(body) as Record<string, string>
  expect(request_id).toMatch(/^[0-9a-f]{32}$/)
  // The gateway is well, and nothing came through.
  expect((await fetch(`${gateway.url}/after`)).status).toBe(200)
  expect(upstream.requests.map(({ url }) => url)).toEqual(['/after'])
  return { status: Number(head.slice(9, 12)), message }
}

describe('a request that could be read in two ways', () => {
  it.each([
    [
      'length and chunks',
      `${POST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`,
    ],
    [
      'chunks and length',
      `${POST}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${SMUGGLED}`,
    ],
    ['two lengths', `${POST}Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef`],
    ['the same length twice', `${POST}Content-Length: 5\r\nContent-Length: 5\r\n\r\nabcde`],
    ['a list of lengths', `${POST}Content-Length: 5, 5\r\n\r\nabcde`],
    ['a signed length', `${POST}Content-Length: +5\r\n\r\nabcde`],
    ['a negative length', `${POST}Content-Length: -5\r\n\r\nabcde`],
    ['a hexadecimal length', `${POST}Content-Length: 0x5\r\n\r\nabcde`],
    ['a length beyond all numbers', `${POST}Content-Length: 99999999999999999999\r\n\r\nabcde`],
    ['chunked, but not last', `${POST}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`],
    ['an unknown transfer coding', `${POST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`],
    ['a second transfer coding', `${POST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
    ['two lines of it', `${POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n`],
    ['a space before its colon', `${POST}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`],
    ['chunks in HTTP/1.0', 'POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['a chunk size that is no number', `${CHUNKED}zz\r\nabc\r\n0\r\n\r\n`],
    ['a negative chunk size', `${CHUNKED}-1\r\nabc\r\n0\r\n\r\n`],
    ['a prefixed chunk size', `${CHUNKED}0x3\r\nabc\r\n0\r\n\r\n`],
    ['a chunk size beyond all numbers', `${CHUNKED}fffffffffffffffff1\r\nabc\r\n0\r\n\r\n`],
    ['a chunk longer than its size', `${CHUNKED}3\r\nabcd\r\n0\r\n\r\n`],
    ['a chunk size that ends in LF', `${CHUNKED}3\nabc\r\n0\r\n\r\n`],
    ['an endless chunk extension', `${CHUNKED}3;${LONG}\r\nabc\r\n0\r\n\r\n`],
    ['a folded line', `${GET}X: a\r\n b\r\n\r\n`],
    ['a folded first line', 'GET / HTTP/1.1\r\n Host: a\r\n\r\n'],
    ['a NUL', `${GET}X: a\0b\r\n\r\n`],
    ['a lone CR', `${GET}X: a\rY: b\r\n\r\n`],
    ['lone LFs', 'GET / HTTP/1.1\nHost: a\n\n'],
    ['no host', 'GET / HTTP/1.1\r\n\r\n'],
    ['two hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'],
    ['bytes in the path that no URL has', 'GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a path that leaves the root', 'GET /../x HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['no version', 'GET /\r\n\r\n'],
    ['another version', 'GET / HTTP/3.0\r\nHost: a\r\n\r\n'],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['TLS', Buffer.from('16030100c8010000c40303', 'hex')],
  ])('is a 400 in the shape of Kong, and reaches nobody: %s', async (_, bytes) => {
    expect(await refused(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)).toEqual({
      status: 400,
      message: 'Bad request',
    })
  })
})

describe('a request with headers beyond measure', () => {
  it.each([
    ['a huge line', `${GET}X: ${LONG}\r\n\r\n`],
    ['many lines', `${GET}${'x-some-name: value\r\n'.repeat(4000)}\r\n`],
    ['a huge URL', `GET /${LONG} HTTP/1.1\r\nHost: a\r\n\r\n`],
    ['huge trailers', `${CHUNKED}0\r\nx: ${LONG}\r\n\r\n`],
  ])('is a 431: %s', async (_, bytes) => {
    expect(await refused(bytes)).toEqual({ status: 431, message: 'Request header or cookie too large' })
  })

  it('loses none of those that are allowed', async () => {
    const upstream = await rawUpstream((socket) => {
      socket.end('HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n')
    })
    const client = await rawClient(closing(await testGateway(serving(upstream.url))).url)
    client.write(`${GET}${'a: b\r\n'.repeat(3000)}x-last: here\r\nConnection: close\r\n\r\n`)
    expect(await client.rest()).toMatch(/^HTTP\/1.1 204 /)
    expect(upstream.requests.join('')).toContain('x-last: here')
  })
})

describe('garbage behind a request', () => {
  it('does not end up in its answer', async () => {
    const upstream = closing(
      await origin((_, response) => {
        response.writeHead(200, { 'content-type': 'text/plain' })
        response.write('begun')
      }),
    )
    const client = await rawClient(closing(await testGateway(serving(upstream.url))).url)
    client.write(`${GET}\r\n`)
    await client.seen(/begun/)
    client.write('no request at all\r\n\r\n')
    const text = await client.rest()
    expect(text.match(/HTTP\/1\.1/g)).toHaveLength(1)
    expect(text).not.toContain('Bad request')
  })
})
