import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { start, type RunningCommand } from '../../support/command.js'

const open: { close(): Promise<unknown> }[] = []
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close()
})

const CONFIG = '{ _format_version: "3.0" }'

async function folderOf(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'kong-ai-'))
  open.push({ close: () => rm(folder, { recursive: true }) })
  return folder
}

async function gateway(args: string[], env: Record<string, string> = {}) {
  const folder = await folderOf()
  const config = path.join(folder, 'kong.yml')
  await writeFile(config, CONFIG)
  const ports = ['--proxy-listen', '127.0.0.1:0', '--status-listen', '127.0.0.1:0']
  const command: RunningCommand = start(['gateway', '--config', config, ...ports, ...args], { env })
  open.push({ close: () => command.stop('SIGKILL') })
  const [, proxyUrl] = await command.printed(/proxy on (\S+)/)
  const [, statusUrl] = await command.printed(/status on (\S+)\/status/)
  return { command, proxyUrl: proxyUrl!, statusUrl: statusUrl! }
}

async function lines(file: string, count: number): Promise<{ request: { uri: string } }[]> {
  for (;;) {
    const text = await readFile(file, 'utf8').catch(() => '')
    const found = text.split('\n').filter((line) => line !== '')
    if (found.length >= count) return found.map((line) => JSON.parse(line) as { request: { uri: string } })
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

describe('kong-ai gateway --log-sink', () => {
  it('writes a line an exchange into a file, and into a new one after SIGHUP', async () => {
    const file = path.join(await folderOf(), 'access.log')
    const { command, proxyUrl } = await gateway(['--log-sink', file])
    await fetch(`${proxyUrl}/first`)
    expect(await lines(file, 1)).toMatchObject([{ request: { uri: '/first' }, response: { status: 404 } }])
    await rename(file, `${file}.1`)
    process.kill(command.pid, 'SIGHUP')
    await lines(file, 0)
    let uris: string[] = []
    for (let i = 0; uris.length === 0; i++) {
      await fetch(`${proxyUrl}/later-${i}`)
      uris = (await readFile(file, 'utf8').catch(() => '')).split('\n').filter((line) => line !== '')
    }
    expect(uris[0]).toContain('/later-')
    expect(await command.stop()).toBe(0)
  })

  it('writes to stdout, and has written all of it when it ends', async () => {
    const { command, proxyUrl } = await gateway([], { KONG_AI_LOG_SINK: 'stdout' })
    await fetch(`${proxyUrl}/last`)
    expect(await command.stop()).toBe(0)
    expect(command.stdout).toMatch(/^\{.*"uri":"\/last".*\}$/m)
  })
})

describe('kong-ai gateway --live-page', () => {
  it.each([
    ['without it', [], {}, 404],
    ['with the flag', ['--live-page'], {}, 200],
    ['with its variable', [], { KONG_AI_LIVE_PAGE: 'on' }, 200],
    ['with its variable off', [], { KONG_AI_LIVE_PAGE: 'off' }, 404],
  ])('%s', async (_, args, env, status) => {
    const { statusUrl } = await gateway(args, env)
    expect((await fetch(`${statusUrl}/`)).status).toBe(status)
    expect((await fetch(`${statusUrl}/metrics`)).status).toBe(200)
  })

  it('is on in kong-ai start, which says where', async () => {
    const command = start(['start', '--proxy-listen', '127.0.0.1:0', '--status-listen', '127.0.0.1:0'])
    open.push({ close: () => command.stop('SIGKILL') })
    const [, url] = await command.printed(/live streams on (\S+)/)
    expect(await (await fetch(url!)).text()).toContain('<title>kong-ai: live streams</title>')
  })
})
