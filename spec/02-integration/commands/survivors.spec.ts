import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import http from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { aiConfig } from '../../support/ai-gateway.js'
import { COMPLETION, JSON_TYPE, provider, SSE_TYPE, STREAM } from '../../support/ai-provider.js'
import { type RunningCommand, start } from '../../support/command.js'
import { listenAsKong } from '../../support/kong-double-http.js'
import { KongDouble } from '../../support/kong-double.js'
import { survivors, tellingCollections } from '../../support/survivors.js'
import { temporarySocket } from '../../support/temp-socket.js'

const open: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

const CLIENTS = 8
/** Until what is made once has been made. */
const WARM_UP = 1500
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

type Served = { process: RunningCommand; url: string }

async function gateway(upstream: string): Promise<Served> {
  const folder = await mkdtemp(path.join(tmpdir(), 'kong-ai-'))
  open.push(() => rm(folder, { recursive: true }))
  const config = path.join(folder, 'kong.yml')
  const plugins = [{ name: 'ai-proxy', config: aiConfig(upstream) }]
  const services = [{ name: 'llm', url: 'http://localhost:1', routes: [{ paths: ['/chat'], plugins }] }]
  await writeFile(config, JSON.stringify({ _format_version: '3.0', services }))
  const listen = ['--proxy-listen', '127.0.0.1:0', '--status-listen', '127.0.0.1:0']
  const process = started(['gateway', '--config', config, ...listen])
  const [, url] = await process.printed(/proxy on (\S+)/)
  return { process, url: `${url}/chat` }
}

/** A Kong in this process hands each request over. */
async function pluginServer(upstream: string): Promise<Served> {
  const socket = temporarySocket()
  const process = started(['plugin-server', '--socket', socket, '--status-listen', '127.0.0.1:0'])
  await process.printed(/relay on/)
  const double = new KongDouble({ socket, plugin: 'ai-proxy', config: aiConfig(upstream) })
  open.push(async () => double.close())
  const kong = await listenAsKong(double, { keepsRuns: false })
  open.push(() => kong.close())
  return { process, url: kong.url }
}

function started(args: string[]): RunningCommand {
  const process = start(args, { env: tellingCollections() })
  open.push(() => process.stop('SIGKILL'))
  return process
}

describe('an exchange that is over', { timeout: 60_000 }, () => {
  it.each([
    ['whole, in the gateway', gateway, false, 3000],
    ['streamed, in the gateway', gateway, true, 3000],
    // With a log event and several calls beside each.
    ['whole, handed over', pluginServer, false, 1500],
    ['streamed, handed over', pluginServer, true, 1500],
  ] as const)('leaves nothing to the old generation: %s', async (_, serve, stream, requests) => {
    const upstream = await provider(({ response, head, body }) => {
      head(200, body.stream ? SSE_TYPE : JSON_TYPE)
      response.end(body.stream ? STREAM : COMPLETION)
    })
    const { process, url } = await serve(upstream.url)
    await ask(url, stream, WARM_UP)
    const from = process.stdout.length
    await ask(url, stream, requests)
    const told = process.stdout.slice(from)
    expect(told.match(/^minor/gm)?.length).toBeGreaterThan(5)
    expect(survivors(told) / requests).toBeLessThan(MOST_BYTES)
  })
})
