import { describe, expect, it } from 'vitest'
import { aiConfig, aiGateway } from '../../support/ai-gateway.js'
import { EVENTS, provider, SSE_TYPE } from '../../support/ai-provider.js'
import { collectGarbage } from '../../support/garbage-collection.js'
import { rawClient, type RawClient } from '../../support/raw-http.js'

const BODY = JSON.stringify({ messages: [{ role: 'user', content: 'Hi' }], stream: true })
const REQUEST = `POST /chat HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`
const PIECE = EVENTS.hello.replace('Hello', 'x'.repeat(16 * 1024))
/** Far more than what all buffers on the way hold. */
const FLOOD = 32 * 1024 * 1024

/** Client and provider live in this process as well: a cap for all three. Bytes. */
const CAPS = { idle: 256 * 1024, slow: 4 * 1024 * 1024 }

async function memory(): Promise<number> {
  await collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

describe('memory is bounded', () => {
  it.each([
    ['streams that wait for their provider', 'idle', 200],
    ['clients that do not read', 'slow', 20],
  ] as const)('for %s', async (_, kind, count) => {
    const upstream = await provider(({ head, response }) => {
      head(200, SSE_TYPE)
      response.write(EVENTS.role + EVENTS.hello)
      if (kind === 'idle') return
      let sent = 0
      const more = () => {
        while (sent < FLOOD && !response.destroyed) {
          sent += PIECE.length
          if (!response.write(PIECE)) break
        }
      }
      response.on('drain', more)
      more()
    })
    const gateway = await aiGateway(aiConfig(upstream.url))
    const open = async (): Promise<RawClient> => {
      const client = await rawClient(gateway.url)
      if (kind === 'slow') client.socket.pause()
      client.write(REQUEST)
      await (kind === 'idle' ? client.seen(/Hello/) : undefined)
      return client
    }
    await open()
    const before = await memory()
    for (let i = 0; i < count; i++) await open()
    await upstream.turn(count)
    // What can still flow does, until every buffer on the way is full.
    let taken = -1
    for (let now = process.memoryUsage().external; now !== taken; now = process.memoryUsage().external) {
      taken = now
      await new Promise((resolve) => setTimeout(resolve, 300))
    }
    expect(((await memory()) - before) / count).toBeLessThan(CAPS[kind])
  })
})
