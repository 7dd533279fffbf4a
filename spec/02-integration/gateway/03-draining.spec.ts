import { expect, it } from 'vitest'
import { aiConfig, aiGateway, post } from '../../support/ai-gateway.js'
import { EVENTS, provider, SSE_TYPE } from '../../support/ai-provider.js'
import { rawClient } from '../../support/raw-http.js'

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

it('a connection that never had a request holds it up no longer than such a request might take to come', async () => {
  const upstream = await provider()
  const gateway = await aiGateway(aiConfig(upstream.url))
  const spare = await rawClient(gateway.url)
  const late = await rawClient(gateway.url)
  // Accepted after these two.
  await (await fetch(gateway.url)).text()
  late.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
  const closed = gateway.gateway.close(60_000)
  expect(await late.rest()).toMatch(/^HTTP\/1\.1 /)
  expect(await spare.rest()).toBe('')
  await closed
})
