import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../lib/llm/json.js'
import type { Kong } from '../../../lib/pdk/kong.js'
import { aiConfig, aiGateway, errorOf, messages, phases, post } from '../../support/ai-gateway.js'
import { answering, EVENTS, provider, SSE_TYPE, STREAM } from '../../support/ai-provider.js'

const streamed = { messages, stream: true }

/** Another plugin wants to see the answer whole. */
const collecting = phases('collecting', {
  access: (kong: Kong) => kong.service.request.enableBuffering(),
})

const gatewayTo = (url: string, config: JsonObject) =>
  aiGateway(aiConfig(url, config), { modules: [collecting] })

/** Says a first piece, and keeps the connection open. */
const beginning = () =>
  provider(({ head, response }) => {
    head(200, SSE_TYPE)
    response.write(EVENTS.hello)
  })

describe('an answer that another plugin collects', () => {
  it('has a limit for the whole of it, and its provider is let go', async () => {
    const upstream = await beginning()
    const gateway = await gatewayTo(upstream.url, { timeouts: { total: 300 } })
    expect(await errorOf(await post(gateway, streamed))).toMatchObject({
      status: 504,
      error: { code: 'upstream_timeout' },
    })
    const turn = await upstream.turn(0)
    await turn.closed
    expect(turn.aborted()).toBe(true)
  })

  it('has no limit for a first token that nobody has looked for', async () => {
    const upstream = await beginning()
    const gateway = await gatewayTo(upstream.url, { timeouts: { first_token: 50 } })
    const pending = post(gateway, streamed)
    const { response } = await upstream.turn(0)
    await new Promise((resolve) => setTimeout(resolve, 200))
    response.end(EVENTS.finish + EVENTS.done)
    expect(await (await pending).text()).toBe(EVENTS.hello + EVENTS.finish + EVENTS.done)
  })

  it('is not broken by heartbeats', async () => {
    const upstream = await beginning()
    const gateway = await gatewayTo(upstream.url, { heartbeat_ms: 10 })
    const pending = post(gateway, streamed)
    const { response } = await upstream.turn(0)
    await new Promise((resolve) => setTimeout(resolve, 100))
    response.end(EVENTS.finish + EVENTS.done)
    expect(await (await pending).text()).toBe(EVENTS.hello + EVENTS.finish + EVENTS.done)
  })

  it('goes to the next target where its connection breaks, else is a 502', async () => {
    const breaking = () =>
      provider(({ head, response }) => {
        head(200, SSE_TYPE)
        response.write(EVENTS.hello, () => response.destroy())
      })
    const first = await breaking()
    const second = await answering(200, SSE_TYPE, STREAM)
    const { model, auth } = aiConfig(second.url)
    const gateway = await gatewayTo(first.url, {
      targets: [{ model: model!, auth: auth! }],
      balancer: { algorithm: 'priority' },
    })
    expect(await (await post(gateway, streamed)).text()).toBe(STREAM.replace(EVENTS.usage, ''))
    const alone = await gatewayTo((await breaking()).url, {})
    expect(await errorOf(await post(alone, streamed))).toMatchObject({
      status: 502,
      error: { code: 'answer_cut_off' },
    })
  })

  it('is a 502 where it is more than there is room for', async () => {
    const piece = Buffer.alloc(1024 * 1024, 'x')
    const upstream = await provider(({ head, response }) => {
      head(200, SSE_TYPE)
      const more = () => {
        while (!response.destroyed && response.write(piece));
      }
      response.on('drain', more)
      more()
    })
    expect(await errorOf(await post(await gatewayTo(upstream.url, {}), streamed))).toMatchObject({
      status: 502,
      error: { type: 'upstream_error', message: expect.stringContaining('larger than') as string },
    })
    const turn = await upstream.turn(0)
    await turn.closed
    expect(turn.aborted()).toBe(true)
  })
})
