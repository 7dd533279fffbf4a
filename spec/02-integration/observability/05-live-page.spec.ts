import { describe, expect, it } from 'vitest'
import { aiConfig, aiGateway, messages, post } from '../../support/ai-gateway.js'
import { answering, EVENTS, provider, SSE_TYPE, STREAM } from '../../support/ai-provider.js'
import { snapshotWhere } from '../../support/snapshots.js'

describe('the live page', () => {
  it('is not there unless it is asked for', async () => {
    const gateway = await aiGateway(aiConfig('http://localhost:1'))
    expect((await fetch(`${gateway.statusUrl}/`)).status).toBe(404)
    expect((await fetch(`${gateway.statusUrl}/streams`)).status).toBe(404)
  })

  it('is one document whose policy allows nothing but what is in it', async () => {
    const gateway = await aiGateway(aiConfig('http://localhost:1'), { livePage: true })
    const page = await fetch(`${gateway.statusUrl}/`)
    const policy = page.headers.get('content-security-policy')!
    const nonce = /script-src 'nonce-([^']+)'/.exec(policy)![1]!
    expect(policy).toMatch(/^default-src 'none'; /)
    expect(policy).not.toContain('unsafe')
    const html = await page.text()
    expect(html.match(/<(?:script|style)[^>]*>/g)).toEqual([
      `<style nonce="${nonce}">`,
      `<script nonce="${nonce}">`,
    ])
    expect(html).not.toMatch(/https?:\/\/(?!www\.w3\.org\/2000\/svg)/)
    const again = await fetch(`${gateway.statusUrl}/`)
    expect(again.headers.get('content-security-policy')).not.toContain(nonce)
  })

  it('tells of streams under way and of those that ended, and nothing of what they say', async () => {
    const upstream = await provider()
    const gateway = await aiGateway(aiConfig(upstream.url), { livePage: true })
    const answer = post(gateway, { messages, stream: true })
    const { head, response } = await upstream.turn(0)
    head(200, SSE_TYPE)
    response.write(EVENTS.role + EVENTS.hello)
    const { live } = await snapshotWhere(gateway.statusUrl, (now) => now.live[0]?.state === 'open')
    expect(live).toMatchObject([
      {
        route: 'ai',
        provider: 'openai',
        model: 'gpt-4o',
        stream: true,
        estimated: true,
        tokens: 1,
        status: 200,
      },
    ])
    response.end(EVENTS.finish + EVENTS.usage + EVENTS.done)
    await (await answer).text()
    const after = await snapshotWhere(gateway.statusUrl, ({ finished }) => finished.length > 0)
    expect(after).toMatchObject({
      open: 0,
      live: [],
      finished: [{ state: 'done', tokens: 12, estimated: false }],
    })
    expect(JSON.stringify([live, after])).not.toMatch(/Hello|Say/)
  })

  it('remembers the last hundred', async () => {
    const upstream = await answering(200, SSE_TYPE, STREAM)
    const gateway = await aiGateway(aiConfig(upstream.url), { livePage: true })
    for (let i = 0; i < 105; i++) await (await post(gateway, { messages, stream: true })).text()
    const { finished } = await snapshotWhere(gateway.statusUrl, ({ open }) => open === 0)
    expect(finished).toHaveLength(100)
  })

  it('has at most twenty watchers, and room again when one leaves', async () => {
    const gateway = await aiGateway(aiConfig('http://localhost:1'), { livePage: true })
    const leaving = new AbortController()
    const all = await Promise.all(
      Array.from({ length: 20 }, () => fetch(`${gateway.statusUrl}/streams`, { signal: leaving.signal })),
    )
    expect(all.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200))
    expect((await fetch(`${gateway.statusUrl}/streams`)).status).toBe(503)
    leaving.abort()
    let status = 503
    while (status === 503) {
      const response = await fetch(`${gateway.statusUrl}/streams`)
      status = response.status
      await response.body!.cancel()
    }
    expect(status).toBe(200)
  })
})
