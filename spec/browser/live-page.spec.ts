import { chromium, type Browser, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { aiConfig, aiGateway, messages, post } from '../support/ai-gateway.js'
import { closing } from '../support/closing.js'
import { answering, BodyReader, EVENTS, provider, SSE_TYPE, STREAM } from '../support/ai-provider.js'
import { executable } from '../support/executable.js'

let browser: Browser
beforeAll(async () => {
  browser = await chromium.launch({ executablePath: executable('chromium')!, args: ['--no-sandbox'] })
})
afterAll(() => browser.close())

/** The page of a gateway, and what the browser has complained of. */
async function look(statusUrl: string): Promise<{ page: Page; complaints: string[] }> {
  const page = closing(await browser.newPage())
  const complaints: string[] = []
  page.on('console', (message) => complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(error.message))
  await page.goto(`${statusUrl}/`)
  await page.waitForSelector('#link.on')
  return { page, complaints }
}

/** What the first row says: its state, route, model and so on. */
const cells = async (page: Page, table: string, count: number) => {
  const texts = await page.locator(`#${table} tr`).first().locator('td').allInnerTexts()
  return texts.slice(0, count)
}

describe('the live page in Chromium', () => {
  it('shows a stream from its request to its end', async () => {
    const upstream = await provider()
    const gateway = await aiGateway(aiConfig(upstream.url), { livePage: true })
    const { page, complaints } = await look(gateway.statusUrl)
    await page.getByText('No streams are open.').waitFor()

    const answer = post(gateway, { messages, stream: true })
    const { head, response } = await upstream.turn(0)
    await page.locator('#live .pill.waiting').waitFor()
    expect(await page.locator('#open').innerText()).toBe('1')

    head(200, SSE_TYPE)
    await page.locator('#live .pill.held').waitFor()

    response.write(EVENTS.role + EVENTS.hello)
    const reader = new BodyReader(await answer)
    await reader.next()
    response.write(EVENTS.there)
    await reader.next()
    await page.locator('#live .pill.open').waitFor()
    await page.locator('#live rect').first().waitFor()
    expect(await cells(page, 'live', 3)).toEqual(['streaming', 'ai', 'openai / gpt-4o'])

    response.end(EVENTS.finish + EVENTS.usage + EVENTS.done)
    await reader.rest()
    await page.locator('#finished .pill.done').waitFor()
    await page.getByText('No streams are open.').waitFor()
    expect(await cells(page, 'finished', 4)).toEqual(['done', 'ai', 'openai / gpt-4o', '12'])
    expect(complaints).toEqual([])
  })

  it('shows several streams at once, and how each of them ended', async () => {
    const upstream = await provider()
    const gateway = await aiGateway(aiConfig(upstream.url), { livePage: true })
    const { page } = await look(gateway.statusUrl)
    const leaving = new AbortController()
    const left = post(gateway, { messages, stream: true }, { signal: leaving.signal })
    const first = await upstream.turn(0)
    const cut = post(gateway, { messages, stream: true })
    const second = await upstream.turn(1)
    for (const { head, response } of [first, second]) {
      head(200, SSE_TYPE)
      response.write(EVENTS.role + EVENTS.hello)
    }
    await Promise.all([left, cut])
    await page.locator('#live .pill.open').nth(1).waitFor()
    leaving.abort()
    await page.locator('#finished .pill.client').waitFor()
    second.response.destroy()
    await page.locator('#finished .pill.provider-cut').waitFor()
    expect(await page.locator('#broken').innerText()).toBe('2')
  })

  it('writes what a client named as text, and runs none of it', async () => {
    const upstream = await answering(200, SSE_TYPE, STREAM)
    const gateway = await aiGateway(aiConfig(upstream.url, { model: { name: undefined } }), {
      livePage: true,
    })
    const { page, complaints } = await look(gateway.statusUrl)
    const model = '<img src=x onerror="document.title=1"><script>document.title=1</script>'
    await (await post(gateway, { model, messages, stream: true })).text()
    await page.locator('#finished tr').waitFor()
    expect((await cells(page, 'finished', 3))[2]).toBe(`openai / ${model}`)
    expect(await page.locator('#finished img, #finished script').count()).toBe(0)
    expect(await page.title()).toBe('kong-ai: live streams')
    expect(complaints).toEqual([])
  })

  it('lets nothing run that did not come with it', async () => {
    const gateway = await aiGateway(aiConfig('http://localhost:1'), { livePage: true })
    const { page, complaints } = await look(gateway.statusUrl)
    await page.evaluate(
      `document.body.append(Object.assign(document.createElement('script'), { textContent: 'document.title = 1' }))`,
    )
    expect(await page.title()).toBe('kong-ai: live streams')
    expect(complaints.join()).toContain('Content Security Policy')
  })

  it('shows again what finished once its connection is back', async () => {
    const upstream = await answering(200, SSE_TYPE, STREAM)
    const gateway = await aiGateway(aiConfig(upstream.url), { livePage: true })
    await (await post(gateway, { messages, stream: true })).text()
    const { page } = await look(gateway.statusUrl)
    await page.locator('#finished .pill.done').waitFor()
    await page.reload()
    await page.locator('#finished .pill.done').waitFor()
    expect(await page.locator('#finished tr').count()).toBe(1)
  })
})
