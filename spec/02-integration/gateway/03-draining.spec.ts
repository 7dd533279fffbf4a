import { expect, it } from 'vitest'
import { aiConfig, aiGateway, post } from '../../support/ai-gateway.js'
import { EVENTS, provider, SSE_TYPE } from '../../support/ai-provider.js'

it('a stream that never ends holds up the end of the process for a bounded time only', async () => {
  const upstream = await provider(({ head, response }) => {
    head(200, SSE_TYPE)
    response.write(EVENTS.role + EVENTS.hello)
  })
  const gateway = await aiGateway(aiConfig(upstream.url))
  const response = await post(gateway, { messages: [{ role: 'user', content: 'Hi' }], stream: true })
  await gateway.gateway.close(50)
  await expect(response.text()).rejects.toThrow()
  const turn = await upstream.turn(0)
  await turn.closed
  expect(turn.aborted()).toBe(true)
})
