import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { start, type RunningCommand } from '../../support/command.js'
import { gate, origin, type Origin } from '../../support/origin.js'

const open: { close(): Promise<unknown> }[] = []
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close()
})

const serving = (url: string, route: string) =>
  `{ _format_version: "3.0", services: [{ name: s, url: "${url}", routes: [{ paths: [${route}] }] }] }`

interface Running {
  command: RunningCommand
  upstream: Origin
  finish: () => void
  url: string
  /** Puts another config in the file's place, as editors do. */
  write(content: string): Promise<void>
}

async function running(...args: string[]): Promise<Running> {
  const { promise, open: finish } = gate()
  const upstream = await origin((request, response) => {
    response.writeHead(200).write('begun ')
    if (request.url.endsWith('/slow')) void promise.then(() => response.end('ended'))
    else response.end('ended')
  })
  open.push(upstream)
  const folder = await mkdtemp(path.join(tmpdir(), 'kong-ai-'))
  open.push({ close: () => rm(folder, { recursive: true }) })
  const file = path.join(folder, 'kong.yml')
  await writeFile(file, serving(upstream.url, '/old'))
  const ports = ['--proxy-listen', '127.0.0.1:0', '--status-listen', '127.0.0.1:0']
  const command = start(['gateway', '--config', file, ...ports, ...args])
  open.push({ close: () => command.stop('SIGKILL') })
  const [, url] = await command.printed(/proxy on (\S+)/)
  const write = async (content: string) => {
    await writeFile(`${file}.new`, content)
    await rename(`${file}.new`, file)
  }
  return { command, upstream, finish: () => finish(), url: url!, write }
}

const statusOf = async (url: string) => (await fetch(url)).status

describe.each([
  ['on SIGHUP', [], ({ command }: Running) => void process.kill(command.pid, 'SIGHUP')],
  ['under --watch', ['--watch'], () => {}],
] as const)('kong-ai gateway %s', (_, args, ask) => {
  it('serves the new config, and drops no stream of the old one', async () => {
    const run = await running(...args)
    const stream = await fetch(`${run.url}/old/slow`)
    await run.write(serving(run.upstream.url, '/new'))
    ask(run)
    await expect.poll(() => statusOf(`${run.url}/new`), { timeout: 10_000 }).toBe(200)
    expect(await statusOf(`${run.url}/old`)).toBe(404)
    run.finish()
    expect(await stream.text()).toBe('begun ended')
    expect(run.command.stderr).toContain('the config was reloaded')
  })

  it('goes on with the old config where the new one is bad, says why, and takes the next good one', async () => {
    const run = await running(...args)
    await run.write('_format_version: "3.0"\nservices:\n- name: s\n  url: nowhere\n')
    ask(run)
    await expect
      .poll(() => run.command.stderr, { timeout: 10_000 })
      .toMatch(/kong\.yml:4:\d+ services\[0\]\.url/)
    expect(run.command.stderr).toContain('the old one stays')
    expect(await statusOf(`${run.url}/old`)).toBe(200)
    await run.write(serving(run.upstream.url, '/new'))
    ask(run)
    await expect.poll(() => statusOf(`${run.url}/new`), { timeout: 10_000 }).toBe(200)
  })
})

describe('kong-ai gateway on SIGHUP', () => {
  it.each([
    ['the config', '/new'],
    ['a config that it cannot read, too', undefined],
  ])('opens its log file anew, whatever becomes of %s', async (_, route) => {
    const sinks = await mkdtemp(path.join(tmpdir(), 'kong-ai-'))
    open.push({ close: () => rm(sinks, { recursive: true }) })
    const log = path.join(sinks, 'log')
    const run = await running('--log-sink', log)
    const paths = async (name: string) => {
      const lines = (await readFile(name, 'utf8').catch(() => '')).split('\n').slice(0, -1)
      return lines.map((line) => (JSON.parse(line) as { request: { uri: string } }).request.uri)
    }
    await (await fetch(`${run.url}/old/1`)).text()
    await expect.poll(() => paths(log), { timeout: 10_000 }).toEqual(['/old/1'])
    await rename(log, `${log}.1`)
    await run.write(route === undefined ? '{' : serving(run.upstream.url, route))
    process.kill(run.command.pid, 'SIGHUP')
    const answered = route === undefined ? 'the old one stays' : 'the config was reloaded'
    await expect.poll(() => run.command.stderr, { timeout: 10_000 }).toContain(answered)
    await (await fetch(`${run.url}${route ?? '/old'}/2`)).text()
    await expect.poll(() => paths(log), { timeout: 10_000 }).toEqual([`${route ?? '/old'}/2`])
    expect(await paths(`${log}.1`)).toEqual(['/old/1'])
  })
})
