import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../lib/llm/json.js'
import { aiConfig, aiGateway, messages, post } from '../../support/ai-gateway.js'
import { COMPLETION, EVENTS, STREAM } from '../../support/ai-provider.js'
import { outcome } from '../../support/families.js'
import { gate } from '../../support/origin.js'
import { rawUpstream } from '../../support/raw-http.js'

const JSON_HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n'
const SSE_HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n'
const LENGTH = `content-length: ${Buffer.byteLength(COMPLETION)}\r\n`
const GOOD = `${JSON_HEAD}${LENGTH}\r\n${COMPLETION}`
const chunk = (text: string) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`

/** A gateway in front of a provider that answers with these bytes, and closes its connection. */
async function answered(bytes: string | Buffer, asked: JsonObject = {}) {
  const upstream = await rawUpstream((socket) => void socket.end(bytes))
  const gateway = await aiGateway(aiConfig(upstream.url))
  return { gateway, upstream, response: await post(gateway, { messages, ...asked }) }
}

describe('a message of a provider that is no HTTP', () => {
  it.each([
    ['nothing', ''],
    ['half a status line', 'HTTP/1.1 20'],
    ['no HTTP', 'SSH-2.0-OpenSSH_9.6\r\n'],
    ['a page without a head', '<html></html>'],
    ['another version', 'HTTP/3.0 200 OK\r\n\r\n'],
    ['no status', 'HTTP/1.1 OK\r\n\r\n'],
    ['a status beyond three digits', 'HTTP/1.1 2000 OK\r\n\r\n'],
    ['a head without an end', JSON_HEAD],
    ['a header without a name', `${JSON_HEAD}: x\r\n${LENGTH}\r\n${COMPLETION}`],
    ['a header with a NUL', `${JSON_HEAD}x: a\0b\r\n${LENGTH}\r\n${COMPLETION}`],
    ['two lengths', `${JSON_HEAD}${LENGTH}content-length: 7\r\n\r\n${COMPLETION}`],
    ['a length that is no number', `${JSON_HEAD}content-length: some\r\n\r\n${COMPLETION}`],
    ['a length and chunks', `${JSON_HEAD}${LENGTH}transfer-encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['headers beyond measure', `${JSON_HEAD}x: ${'a'.repeat(200_000)}\r\n${LENGTH}\r\n${COMPLETION}`],
    [
      'another protocol, unasked',
      'HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n',
    ],
    ['leave to go on, and nothing else', 'HTTP/1.1 100 Continue\r\n\r\n'],
    ['informational answers alone', 'HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n'],
  ])('is a 502: %s', async (_, bytes) => {
    const { gateway, response } = await answered(bytes)
    expect(await outcome(response)).toMatchObject({
      status: 502,
      complete: false,
      error: { type: 'upstream_error', message: expect.any(String) as string },
    })
    expect(gateway.gateway).toBeDefined()
  })

  it.each([
    ['what it works on', 'HTTP/1.1 102 Processing\r\n\r\n'],
    ['hints', 'HTTP/1.1 103 Early Hints\r\nlink: </x>\r\ncontent-length: 7\r\n\r\n'],
    ['that a body may come which nobody asked to hold back', 'HTTP/1.1 100 Continue\r\n\r\n'],
    ['a status without a name', 'HTTP/1.1 199\r\n\r\n'],
    ['all of them, and again', 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n'.repeat(20)],
  ])('is passed over where it is informational: %s', async (_, informational) => {
    const whole = await answered(`${informational}${GOOD}`)
    expect(await whole.response.text()).toBe(COMPLETION)
    const streamed = await answered(`${informational}${SSE_HEAD}\r\n${STREAM}`, { stream: true })
    expect(await outcome(streamed.response)).toMatchObject({ complete: true, text: 'Hello 你好' })
  })

  it('may come in pieces, long before the answer', async () => {
    const upstream = await rawUpstream(async (socket) => {
      for (const piece of ['HTTP/1.1 100 Con', 'tinue\r', '\n\r\nHTTP/1.1 2', GOOD.slice(10)]) {
        socket.write(piece)
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    })
    const response = await post(await aiGateway(aiConfig(upstream.url)), { messages })
    expect(await response.text()).toBe(COMPLETION)
  })
})

describe('a body of a provider that is no HTTP', () => {
  it.each([
    ['shorter than its length', `${JSON_HEAD}content-length: 10000\r\n\r\n${COMPLETION}`],
    ['a chunk size that is no number', `${JSON_HEAD}transfer-encoding: chunked\r\n\r\nzz\r\n${COMPLETION}`],
    [
      'a chunk longer than its size',
      `${JSON_HEAD}transfer-encoding: chunked\r\n\r\n3\r\n${COMPLETION}\r\n0\r\n\r\n`,
    ],
    ['no last chunk', `${JSON_HEAD}transfer-encoding: chunked\r\n\r\n${chunk(COMPLETION)}`],
    ['half a last chunk', `${JSON_HEAD}transfer-encoding: chunked\r\n\r\n${chunk(COMPLETION)}0\r\n`],
  ])('is a 502 where the answer is whole: %s', async (_, bytes) => {
    const { response } = await answered(bytes)
    expect(await outcome(response)).toMatchObject({ status: 502, complete: false })
  })

  it.each([
    ['a chunk size that is no number', 'zz\r\n'],
    ['a chunk longer than its size', `3\r\n${EVENTS.there}`],
    ['no more', ''],
  ])('gives what came before it, then the error event: %s', async (_, bytes) => {
    const { response } = await answered(
      `${SSE_HEAD}transfer-encoding: chunked\r\n\r\n${chunk(EVENTS.role)}${chunk(EVENTS.hello)}${bytes}`,
      { stream: true },
    )
    const seen = await outcome(response)
    expect(seen).toMatchObject({
      status: 200,
      complete: false,
      text: 'Hello',
      error: { code: 'answer_cut_off' },
    })
  })

  it('is whole where only garbage follows its end', async () => {
    for (const bytes of [
      `${GOOD}HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil`,
      `${GOOD}garbage`,
      `${JSON_HEAD}transfer-encoding: chunked\r\n\r\n${chunk(COMPLETION)}0\r\n\r\ngarbage`,
    ]) {
      const { response } = await answered(bytes)
      expect(await response.text()).toBe(COMPLETION)
    }
  })

  it('leaves nothing behind for the next request', async () => {
    let count = 0
    const upstream = await rawUpstream((socket) => {
      // What nobody asked for lies in wait on a connection that is kept.
      socket.write(count++ === 0 ? `${GOOD}HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil` : GOOD)
      socket.on('data', () => socket.write(GOOD))
    })
    const gateway = await aiGateway(aiConfig(upstream.url))
    for (let request = 0; request < 3; request++) {
      const response = await post(gateway, { messages })
      const text = await response.text()
      expect([COMPLETION, undefined]).toContain(response.status === 200 ? text : undefined)
      expect(text).not.toContain('evil')
    }
  })
})

describe('headers of a provider', () => {
  it('may be said twice', async () => {
    const twice =
      'content-type: application/json\r\nx-request-id: a\r\nx-request-id: b\r\nretry-after: 1\r\nretry-after: 2\r\n'
    const { response } = await answered(`${JSON_HEAD}${twice}${LENGTH}\r\n${COMPLETION}`)
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8')
    expect(await response.text()).toBe(COMPLETION)
  })

  it('cannot set a cookie or a way of transport for the client', async () => {
    const { response } = await answered(
      `${SSE_HEAD}set-cookie: a=b\r\nconnection: close, x-hop\r\nx-hop: 1\r\nkeep-alive: timeout=9\r\nalt-svc: h3\r\n\r\n${STREAM}`,
      { stream: true },
    )
    for (const name of ['set-cookie', 'x-hop', 'alt-svc']) {
      expect(response.headers.get(name)).toBeNull()
    }
    expect(await outcome(response)).toMatchObject({ complete: true, text: 'Hello 你好' })
  })
})

describe('an answer that never ends', () => {
  const PIECE = Buffer.alloc(1024 * 1024, 'x')
  const ENDLESS = 100 * PIECE.length

  /** Writes as long as it is read; resolves when the gateway has closed the connection. */
  async function endless(head: string, provider: JsonObject, asked: JsonObject) {
    const { promise: closed, open } = gate()
    let sent = 0
    const upstream = await rawUpstream((socket) => {
      socket.once('close', () => open())
      socket.write(head)
      const more = () => {
        while (!socket.destroyed && sent < ENDLESS) {
          sent += PIECE.length
          if (!socket.write(PIECE)) break
        }
      }
      socket.on('drain', more)
      more()
    })
    const gateway = await aiGateway(aiConfig(upstream.url, { model: provider }))
    const seen = await outcome(await post(gateway, { messages, ...asked }))
    await closed
    return { seen, sent }
  }

  it.each([
    ['openai', {}, SSE_HEAD, 'data: {"choices":[{"delta":{"content":"'],
    [
      'anthropic',
      { provider: 'anthropic', name: 'm' },
      SSE_HEAD,
      'event: content_block_delta\ndata: {"type":"',
    ],
    [
      'ollama',
      { provider: 'ollama', name: 'm' },
      SSE_HEAD.replace('text/event-stream', 'application/x-ndjson'),
      '{"m":"',
    ],
    ['gemini', { provider: 'gemini', name: 'm' }, JSON_HEAD, '[{"a":"'],
  ])('in a line of %s is let go at the limit of a frame', async (_, provider, head, begin) => {
    const { seen, sent } = await endless(`${head}\r\n${begin}`, provider, { stream: true })
    expect(seen).toMatchObject({ status: 502, complete: false, error: { code: 'frame_too_large' } })
    expect(sent).toBeLessThan(ENDLESS)
  })

  it('in a line after the first delta ends in the error event', async () => {
    const { seen } = await endless(`${SSE_HEAD}\r\n${EVENTS.role}${EVENTS.hello}data: `, {}, { stream: true })
    expect(seen).toMatchObject({
      status: 200,
      complete: false,
      text: 'Hello',
      error: { code: 'frame_too_large' },
    })
  })

  it('in a whole answer is let go at the limit of a body', async () => {
    const { seen, sent } = await endless(`${JSON_HEAD}\r\n{"choices":"`, {}, {})
    expect(seen).toMatchObject({ status: 502, complete: false, error: { code: 'answer_too_large' } })
    expect(sent).toBeLessThan(ENDLESS)
  })

  it('in an error is let go once enough of it is known', async () => {
    const head = 'HTTP/1.1 500 Oh no\r\ncontent-type: text/html\r\n\r\n<html>'
    const { seen, sent } = await endless(head, {}, {})
    expect(seen).toMatchObject({ status: 500, complete: false })
    expect(sent).toBeLessThan(ENDLESS)
  })
})

describe('an answer in the wrong bytes', () => {
  it('keeps its frames where its text is no UTF-8', async () => {
    for (const [provider, config] of [
      ['openai', {}],
      ['anthropic', { model: { provider: 'anthropic', name: 'm' } }],
    ] as const) {
      const text = provider === 'openai' ? STREAM : CLAUDE
      const bytes = Buffer.from(text.replace('Hello', 'He\xff\xfello'), 'latin1')
      const upstream = await rawUpstream(
        (socket) => void socket.end(Buffer.concat([Buffer.from(`${SSE_HEAD}\r\n`), bytes])),
      )
      const response = await post(await aiGateway(aiConfig(upstream.url, config)), { messages, stream: true })
      const seen = await outcome(response)
      expect(seen.complete).toBe(true)
      expect(seen.text).toContain('He\uFFFD\uFFFDllo')
    }
  })
})

const CLAUDE = [
  '{"type":"message_start","message":{"id":"m","model":"c","usage":{"input_tokens":1,"output_tokens":1}}}',
  '{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}',
  '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}',
  '{"type":"content_block_stop","index":0}',
  '{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}',
  '{"type":"message_stop"}',
]
  .map((data) => `data: ${data}\n\n`)
  .join('')
