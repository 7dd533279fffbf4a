import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { run, start, type RunningCommand } from '../../support/command.js'
import { gate, origin } from '../../support/origin.js'

const open: { close(): Promise<unknown> }[] = []
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close()
})

function running(args: string[], options: Parameters<typeof start>[1] = {}): RunningCommand {
  const command = start(args, options)
  open.push({ close: () => command.stop('SIGKILL') })
  return command
}

async function file(content: string, name = 'kong.yml'): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'kong-ai-'))
  open.push({ close: () => rm(folder, { recursive: true }) })
  const target = path.join(folder, name)
  await writeFile(target, content)
  return target
}

const ANY_PORTS = ['--proxy-listen', '127.0.0.1:0', '--status-listen', '127.0.0.1:0']
const serving = (url: string) =>
  `{ _format_version: "3.0", services: [{ name: s, url: "${url}", routes: [{ paths: [/] }] }] }`

describe('kong-ai', () => {
  it('names its commands', async () => {
    expect(await run(['--help'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^ {2}plugin-server /m),
    })
  })

  it.each([
    ['start', '--watch'],
    ['gateway', '--watch'],
    ['check', '--plugins DIR'],
    ['plugin-server', '--socket PATH'],
    ['mock', '--pace MS'],
  ])('%s --help says what it takes, and does nothing', async (command, flag) => {
    const { code, stdout, stderr } = await run([command, '--help'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(new RegExp(`^usage: kong-ai ${command} `))
    expect(stdout).toContain(`  ${flag} `)
  })
})

describe('kong-ai start', () => {
  it('answers the request that it prints, by the mock provider where no key is set', async () => {
    const command = running(['start', ...ANY_PORTS])
    const [, curl] = await command.printed(/Try it:\n\n(curl .*)\n/)
    expect(command.stdout).toContain('/openai       openai/gpt-4.1-mini (mock: no key is set)')
    const [, url, body] = /^curl -N (\S+) -H 'content-type: application\/json' -d '(.*)'$/.exec(curl!)!
    const response = await fetch(url!, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: body!,
    })
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    expect(response.headers.get('x-kong-ai-mock')).toBe('1')
    const answer = await response.text()
    expect(answer).toMatch(/"content":"Hello"/)
    expect(answer.endsWith('data: [DONE]\n\n')).toBe(true)
    expect(await command.stop()).toBe(0)
  })

  it('says which routes are real, once their key is set', async () => {
    const command = running(['start', ...ANY_PORTS], { env: { ANTHROPIC_API_KEY: 'sk-ant-test' } })
    await command.printed(/Try it:/)
    expect(command.stdout).toMatch(/\/openai .*mock: no key is set/)
    expect(command.stdout).toMatch(/\/anthropic .*claude-sonnet-4-6\n/)
    expect(command.stdout).not.toContain('sk-ant-test')
  })
})

describe('kong-ai gateway', () => {
  it('takes its settings from the environment as well, flags first', async () => {
    const upstream = await origin()
    open.push(upstream)
    const command = running(['gateway', '--proxy-listen', '127.0.0.1:0'], {
      env: {
        KONG_DECLARATIVE_CONFIG: await file(serving(upstream.url)),
        KONG_PROXY_LISTEN: '127.0.0.1:1',
        KONG_STATUS_LISTEN: '127.0.0.1:0',
      },
    })
    const [, url] = await command.printed(/proxy on (\S+)/)
    const [, status] = await command.printed(/status on (\S+)/)
    expect((await fetch(`${url}/x`)).status).toBe(200)
    expect((await fetch(status!)).status).toBe(200)
  })

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'on %s takes no new requests, lets streams end, and exits 0',
    async (signal) => {
      const finish = gate()
      const upstream = await origin((_, response) => {
        response.writeHead(200).write('begun ')
        void finish.promise.then(() => response.end('ended'))
      })
      open.push(upstream)
      const command = running(['gateway', '--config', await file(serving(upstream.url)), ...ANY_PORTS])
      const [, url] = await command.printed(/proxy on (\S+)/)
      const response = await fetch(url!)
      const code = command.stop(signal)
      await expect
        .poll(() =>
          fetch(url!).then(
            () => 'open',
            () => 'closed',
          ),
        )
        .toBe('closed')
      finish.open()
      expect(await response.text()).toBe('begun ended')
      expect(await code).toBe(0)
    },
  )

  it('does not start with a config that it cannot run as it is meant', async () => {
    const config = await file('_format_version: "3.0"\nplugins:\n- name: key-auth\n')
    const { code, stderr } = await run(['gateway', '--config', config, ...ANY_PORTS])
    expect(code).toBe(1)
    expect(stderr).toMatch(/kong\.yml:3:\d+ plugins\[0\]\.name: .*key-auth/)
  })

  it('answers 500 that names the empty credential, where no mock stands in', async () => {
    const command = running(['gateway', ...ANY_PORTS])
    const [, url] = await command.printed(/proxy on (\S+)/)
    const response = await fetch(`${url}/openai`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ messages: [{ role: 'user', content: 'hi' }] }),
    })
    expect(response.status).toBe(500)
    expect(await response.json()).toMatchObject({ error: { param: 'config.auth.header_value' } })
  })

  it.each([
    [['gateway', '--proxy-listen', 'nowhere'], /not an address/],
    [['gateway', '--no-such-flag'], /--no-such-flag/],
    [['gateway', 'extra'], /unexpected argument 'extra'/],
    [['gateway', '--mock', 'not a url'], /--mock/],
    [['no-such-command'], /usage: kong-ai/],
  ])('exits 2 for %j', async (args, message) => {
    const { code, stderr } = await run(args)
    expect(code).toBe(2)
    expect(stderr).toMatch(message)
  })

  it.each(['gateway', 'start'])('exits 1 where its port is taken: %s', async (command) => {
    const upstream = await origin()
    open.push(upstream)
    const config = await file(serving(upstream.url))
    const taken = `127.0.0.1:${upstream.port}`
    const { code, stderr } = await run([command, '--config', config, ...ANY_PORTS, '--proxy-listen', taken])
    expect(code).toBe(1)
    expect(stderr).toContain('EADDRINUSE')
  })

  it('runs plugins from a folder, kong-pdk ones unchanged', async () => {
    const plugins = path.resolve(import.meta.dirname, '../../fixtures/plugins')
    const upstream = await origin()
    open.push(upstream)
    const config = await file(
      `{ _format_version: "3.0", services: [{ name: s, url: "${upstream.url}", routes: [{ paths: [/], plugins: [{ name: farewell }] }] }] }`,
    )
    const command = running(['gateway', '--config', config, '--plugins', plugins, ...ANY_PORTS])
    const [, url] = await command.printed(/proxy on (\S+)/)
    expect((await fetch(url!)).status).toBe(200)
  })
})

describe('kong-ai check', () => {
  it('says that the config of this repository is valid', async () => {
    const { code, stdout } = await run(['check'])
    expect(stdout).toBe('kong.yml is valid\n')
    expect(code).toBe(0)
  })

  it('names every fault with its line, column, path and what is allowed', async () => {
    const config = await file(`_format_version: "3.0"
services:
- name: llm
  url: http://localhost:1
  routes:
  - paths: [/a]
    plugins:
    - name: ai-proxy
      config:
        route_type: llm/v1/chat
        model: { provider: nobody }
  upstreams: []
`)
    const { code, stderr } = await run(['check', config])
    expect(code).toBe(1)
    const lines = stderr.trim().split('\n')
    expect(lines).toHaveLength(2)
    expect(lines.join('\n')).toMatch(
      /kong\.yml:11:\d+ services\[0\]\.routes\[0\]\.plugins\[0\]\.config\.model\.provider: expected one of: openai, /,
    )
    expect(lines.join('\n')).toMatch(/kong\.yml:12:\d+ services\[0\]\.upstreams: /)
  })

  it('exits 1 for a file that is not there', async () => {
    const { code, stderr } = await run(['check', 'no-such.yml'])
    expect(code).toBe(1)
    expect(stderr).toContain('no-such.yml cannot be read: there is no such file')
  })
})
