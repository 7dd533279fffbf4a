import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import http from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { aiConfig } from '../../support/ai-gateway.js'
import { COMPLETION, JSON_TYPE, provider, SSE_TYPE, STREAM } from '../../support/ai-provider.js'
import { start } from '../../support/command.js'
import { survivors, tellingCollections } from '../../support/survivors.js'

const open: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

const CLIENTS = 8
/** Until what is made once has been made. */
const WARM_UP = 1500
const REQUESTS = 3000
/** Of the 14 KB that an exchange is, next to nothing: what is under way when a collection comes. */
const MOST_BYTES = 2048

/** Asks again and again on connections that are kept. */
async function ask(url: string, stream: boolean, requests: number): Promise<void> {
  const agent = new http.Agent({ keepAlive: true })
  const body = JSON.stringify({ messages: [{ role: 'user', content: 'Hi' }], stream })
  const headers = { 'content-type': 'application/json', 'content-length': body.length }
  const one = () =>
    new Promise<void>((resolve, reject) => {
      const request = http.request(url, { agent, method: 'POST', headers }, (answer) => {
        expect(answer.statusCode).toBe(200)
        answer.resume().on('end', resolve)
      })
      request.on('error', reject).end(body)
    })
  let left = requests
  const client = async () => {
    while (left-- > 0) await one()
  }
  await Promise.all(Array.from({ length: CLIENTS }, client))
  agent.destroy()
}

describe('an exchange that is over', () => {
  it.each([
    ['whole', false],
    ['streamed', true],
  ])('leaves nothing to the old generation: %s', async (_, stream) => {
    const upstream = await provider(({ response, head, body }) => {
      head(200, body.stream ? SSE_TYPE : JSON_TYPE)
      response.end(body.stream ? STREAM : COMPLETION)
    })
    const folder = await mkdtemp(path.join(tmpdir(), 'kong-ai-'))
    open.push(() => rm(folder, { recursive: true }))
    const config = path.join(folder, 'kong.yml')
    const plugins = [{ name: 'ai-proxy', config: aiConfig(upstream.url) }]
    const services = [{ name: 'llm', url: 'http://localhost:1', routes: [{ paths: ['/chat'], plugins }] }]
    await writeFile(config, JSON.stringify({ _format_version: '3.0', services }))
    const listen = ['--proxy-listen', '127.0.0.1:0', '--status-listen', '127.0.0.1:0']
    const gateway = start(['gateway', '--config', config, ...listen], { env: tellingCollections() })
    open.push(() => gateway.stop('SIGKILL'))
    const [, url] = await gateway.printed(/proxy on (\S+)/)
    await ask(`${url}/chat`, stream, WARM_UP)
    const from = gateway.stdout.length
    await ask(`${url}/chat`, stream, REQUESTS)
    expect(gateway.stdout.slice(from).match(/^minor/gm)?.length).toBeGreaterThan(5)
    expect(survivors(gateway.stdout.slice(from)) / REQUESTS).toBeLessThan(MOST_BYTES)
  })
})
