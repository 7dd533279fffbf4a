import { describe, expect, it } from 'vitest'
import * as aiProxy from '../../../plugins/ai-proxy/index.js'
import { aiConfig, messages, post } from '../../support/ai-gateway.js'
import { answering, SSE_TYPE, STREAM } from '../../support/ai-provider.js'
import { pluginHost } from '../../support/plugin-host.js'
import { scrape } from '../../support/prometheus.js'

const statusListen = { host: '127.0.0.1', port: 0 }

describe('the status listener of a plugin host', () => {
  it('is not there unless it is asked for', async () => {
    const { host } = await pluginHost([aiProxy])
    expect(host.statusUrl).toBeUndefined()
  })

  it('counts events, round trips, handovers and the calls of models', async () => {
    const upstream = await answering(200, SSE_TYPE, STREAM)
    const { host, kong, entry } = await pluginHost([aiProxy], { statusListen })
    const front = await kong({ 'ai-proxy': aiConfig(upstream.url) })
    expect(await (await post(front, { messages, stream: true })).text()).toContain('[DONE]')
    await entry(0)
    await (await fetch(`http://${host.relays[0]!.host}:${host.relays[0]!.port}/`)).text()
    const metrics = await scrape(host.statusUrl!)
    expect(metrics.value('kong_ai_handovers_total', { outcome: 'handed_over' })).toBe(1)
    expect(metrics.value('kong_ai_handovers_total', { outcome: 'refused' })).toBe(1)
    expect(metrics.value('kong_ai_tickets')).toBe(0)
    const access = { plugin: 'ai-proxy', phase: 'access' }
    expect(metrics.value('kong_ai_rpc_events_total', { ...access, outcome: 'returned' })).toBe(1)
    expect(metrics.value('kong_ai_rpc_round_trips_sum', access)).toBe(5)
    expect(metrics.value('kong_ai_llm_requests_total', { ai_model: 'gpt-4o' })).toBe(1)
  })

  it('says whether the host serves', async () => {
    const { host } = await pluginHost([aiProxy], { statusListen })
    const ready = await fetch(`${host.statusUrl}/status/ready`)
    expect(ready.status).toBe(200)
    const { server } = (await (await fetch(`${host.statusUrl}/status`)).json()) as { server: object }
    expect(server).toMatchObject({ exchanges_active: 0, handovers: { refused: 0 } })
  })
})
