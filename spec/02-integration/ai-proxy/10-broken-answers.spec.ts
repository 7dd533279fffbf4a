import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../lib/llm/json.js'
import { startMock } from '../../../lib/mock/server.js'
import { aiConfig, aiGateway, errorOf, FilterWatch, messages, post } from '../../support/ai-gateway.js'
import { closing } from '../../support/closing.js'
import { answering, BodyReader, EVENTS, JSON_TYPE, provider, SSE_TYPE } from '../../support/ai-provider.js'
import { readAsClient } from '../../support/streams.js'

const streamed = { messages, stream: true }
const whole = { messages }
const BOTH = [
  ['whole', whole],
  ['streamed', streamed],
] as const

const claude = { model: { provider: 'anthropic', name: 'claude' } }
const HTML = { 'content-type': 'text/html' }

describe('an error behind a good status', () => {
  const OVERLOADED = '{"error":{"message":"busy","type":"server_error","code":"overloaded"}}'

  it.each(BOTH)('has a status of its own, %s', async (_, asked) => {
    for (const [config, body, status] of [
      [{}, OVERLOADED, 500],
      [{}, '{"error":{"message":"slow down","type":"requests","code":"rate_limit_exceeded"}}', 429],
      [claude, '{"type":"error","error":{"type":"overloaded_error","message":"busy"}}', 529],
    ] as const) {
      const upstream = await answering(200, JSON_TYPE, body)
      const answer = await errorOf(await post(await aiGateway(aiConfig(upstream.url, config)), asked))
      expect(answer.status).toBe(status)
    }
  })

  it.each([
    ['openai', {}],
    ['anthropic', claude],
  ])('is told where a stream of %s is a page', async (_, config) => {
    const upstream = await answering(200, HTML, '<html>')
    const { status, error } = await errorOf(
      await post(await aiGateway(aiConfig(upstream.url, config)), streamed),
    )
    expect({ status, code: error.code }).toEqual({ status: 502, code: 'unexpected_content_type' })
  })

  it('is told where a stream is empty', async () => {
    const upstream = await answering(200, SSE_TYPE, '')
    const { status, error } = await errorOf(await post(await aiGateway(aiConfig(upstream.url)), streamed))
    expect({ status, code: error.code }).toEqual({ status: 502, code: 'incomplete_answer' })
  })
})

describe('a stream that fails after its first delta', () => {
  /** Demands a clean end: a broken body would make `arrayBuffer` fail. */
  async function failed(config: JsonObject) {
    const response = await post(await aiGateway(config), streamed)
    expect(response.status).toBe(200)
    return readAsClient(Buffer.from(await response.arrayBuffer()))
  }

  it.each([
    ['openai', 'overloaded', 'overloaded'],
    ['anthropic', 'overloaded', 'overloaded_error'],
    ['openai', 'cut', 'answer_cut_off'],
    ['anthropic', 'cut', 'answer_cut_off'],
    ['openai', 'no-finish', 'incomplete_answer'],
    ['anthropic', 'no-finish', 'incomplete_answer'],
    ['openai', 'garbage', 'incomplete_answer'],
  ])('%s, %s: all that came, one error event, no [DONE]', async (name, fault, code) => {
    const mock = closing(await startMock({ pace: 0 }))
    const seen = await failed(aiConfig(mock.url, { model: { provider: name, name: `chaos/${fault}@6` } }))
    expect(seen.done).toBe(false)
    expect(seen.error).toMatchObject({ code, message: expect.any(String) as string })
    expect(JSON.stringify(seen.whole)).toContain('Hello')
  })

  it('gives everything that came before the connection broke', async () => {
    const upstream = await provider(({ head }) => head(200, SSE_TYPE))
    const watch = new FilterWatch()
    const gateway = await aiGateway(aiConfig(upstream.url), { modules: [watch.module] })
    const pending = post(gateway, streamed)
    const { response: out } = await upstream.turn(0)
    out.write(EVENTS.role + EVENTS.hello + EVENTS.there + EVENTS.finish.slice(0, -20))
    await watch.next()
    out.destroy()
    const body = await (await pending).text()
    expect(body.startsWith(EVENTS.role + EVENTS.hello + EVENTS.there)).toBe(true)
    expect(body.slice((EVENTS.role + EVENTS.hello + EVENTS.there).length)).toBe(
      'data: {"error":{"message":"the provider\'s answer was cut off","type":"upstream_error","param":null,"code":"answer_cut_off"}}\n\n',
    )
  })

  it('lets the provider go at its error event', async () => {
    const upstream = await provider((turn) => {
      turn.head(200, SSE_TYPE)
      turn.response.write(EVENTS.hello)
      turn.event({ error: { message: 'busy' } })
    })
    const response = await post(await aiGateway(aiConfig(upstream.url)), streamed)
    expect(await new BodyReader(response).rest()).toBe(
      `${EVENTS.hello}data: {"error":{"message":"busy","type":"server_error","param":null,"code":null}}\n\n`,
    )
    const turn = await upstream.turn(0)
    await turn.closed
    expect(turn.aborted()).toBe(true)
  })
})
