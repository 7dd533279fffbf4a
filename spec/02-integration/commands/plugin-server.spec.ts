import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { aiConfig, messages, post } from '../../support/ai-gateway.js'
import { closing } from '../../support/closing.js'
import {
  answering,
  BodyReader,
  COMPLETION,
  EVENTS,
  JSON_TYPE,
  provider,
  SSE_TYPE,
} from '../../support/ai-provider.js'
import { run, start, type RunningCommand } from '../../support/command.js'
import { KongDouble } from '../../support/kong-double.js'
import { type KongFront, listenAsKong } from '../../support/kong-double-http.js'
import { RpcWorker } from '../../support/kong-double-rpc.js'
import { until } from '../../support/plugin-server.js'
import { temporarySocket } from '../../support/temp-socket.js'

const PROBE = path.resolve(import.meta.dirname, '../../fixtures/plugins-probe')

async function folder(): Promise<string> {
  const made = await mkdtemp(path.join(tmpdir(), 'kong-ai-'))
  onTestFinished(() => rm(made, { recursive: true, force: true }))
  return made
}

/** A plugin server in a process of its own. Resolves when it listens. */
async function serving(
  socket: string,
  args: string[] = [],
  env: Record<string, string> = {},
): Promise<RunningCommand> {
  const command = start(['plugin-server', '--socket', socket, ...args], { env })
  onTestFinished(async () => void (await command.stop('SIGKILL')))
  await command.printed(/plugins on .*\nrelay on .*\n/)
  return command
}

async function kong(socket: string, plugin: string, config: object): Promise<KongFront> {
  const double = new KongDouble({ socket, plugin, config })
  closing({ close: async () => double.close() })
  return closing(await listenAsKong(double))
}

async function told(socket: string, method: string, argument: unknown): Promise<unknown> {
  const worker = new RpcWorker(socket, 5000)
  try {
    return await worker.call(method, argument)
  } finally {
    worker.close()
  }
}

describe('kong-ai plugin-server --dump', () => {
  it('prints one plugin as Kong’s query_cmd wants it, and nothing else', async () => {
    const { code, stdout, stderr } = await run(['plugin-server', '--dump', 'ai-proxy'])
    expect([code, stderr]).toEqual([0, ''])
    const dump = JSON.parse(stdout) as Record<string, unknown>[]
    expect(dump).toHaveLength(1)
    expect(dump[0]).toMatchObject({ Name: 'ai-proxy', Priority: 770, Phases: ['access', 'log'] })
  })

  it('knows a plugin by the other name that it is served under', async () => {
    const { stdout } = await run([
      'plugin-server',
      '--plugin',
      'ai-proxy=ai-proxy-ts',
      '--dump',
      'ai-proxy-ts',
    ])
    expect(JSON.parse(stdout)).toMatchObject([{ Name: 'ai-proxy-ts', Schema: { name: 'ai-proxy-ts' } }])
  })

  it('says which plugins there are, where the name is none', async () => {
    const { code, stderr } = await run(['plugin-server', '--dump', 'ai-prox'])
    expect([code, stderr]).toEqual([
      2,
      "kong-ai plugin-server: there is no plugin 'ai-prox': there are ai-proxy, redact\n",
    ])
  })

  it('understands kong-js-pluginserver’s flags: the plugins of its folder come alone', async () => {
    for (const flags of [
      ['-d', PROBE, '--dump-all-plugins'],
      ['-plugins-directory', PROBE, '-dump-all-plugins'],
      ['--plugins-directory', PROBE, '--dump-plugin-info', 'probe'],
    ]) {
      const { stdout } = await run(['plugin-server', ...flags])
      expect((JSON.parse(stdout) as { Name: string }[]).map(({ Name }) => Name)).toEqual(['probe'])
    }
  })

  it('prints every plugin where there is no folder', async () => {
    const { stdout } = await run(['plugin-server', '--dump-all-plugins'])
    expect((JSON.parse(stdout) as { Name: string }[]).map(({ Name }) => Name)).toEqual(['ai-proxy', 'redact'])
  })
})

describe('kong-ai plugin-server', () => {
  it('refuses what it cannot do, before it listens', async () => {
    const CASES: [string[], RegExp][] = [
      [['--plugin', 'nope'], /there is no plugin 'nope'/],
      [['--event-deadline', '60'], /'60' is not between 0 and 60/],
      [['--relay-listen', 'nowhere'], /'nowhere' is not an address/],
      [['--mock', 'mock:8111'], /'mock:8111' is not an http URL/],
      [['--unknown'], /--unknown/],
    ]
    for (const [args, message] of CASES) {
      const socket = temporarySocket()
      const { code, stderr } = await run(['plugin-server', '--socket', socket, ...args])
      expect([code, existsSync(socket)]).toEqual([2, false])
      expect(stderr).toMatch(message)
    }
  })

  it('serves several plugins, one of them under another name, and those of a folder', async () => {
    const socket = temporarySocket()
    await serving(socket, ['--plugins', PROBE, '--plugin', 'ai-proxy=ai-proxy-ts', '--plugin', 'probe'])
    expect(await told(socket, 'GetPluginNames', null)).toEqual(['ai-proxy-ts', 'probe'])
  })

  it('listens where kong-js-pluginserver would, by its flags', async () => {
    const base = await folder()
    const command = start(['plugin-server', '-d', PROBE, '-p', base, '--sock-name', 'js.sock'])
    onTestFinished(async () => void (await command.stop('SIGKILL')))
    await command.printed(/plugins on /)
    expect(await told(path.join(base, 'js.sock'), 'GetPluginNames', null)).toEqual([
      'ai-proxy',
      'redact',
      'probe',
    ])
  })

  it('takes its settings from the environment, too', async () => {
    const base = await folder()
    const socket = path.join(base, 'p.sock')
    const command = start(['plugin-server'], {
      env: { KONG_AI_SOCKET: socket, KONG_AI_RELAY_ADVERTISE: 'plugins', KONG_AI_PLUGIN: 'redact' },
    })
    onTestFinished(async () => void (await command.stop('SIGKILL')))
    const [, port] = await command.printed(/relay on plugins:(\d+)\n/)
    expect(Number(port)).toBeGreaterThan(0)
    expect(await told(socket, 'GetPluginNames', null)).toEqual(['redact'])
  })

  it('streams an answer of its mock where no key is set, and writes its log record', async () => {
    const mock = start(['mock', '--listen', '127.0.0.1:0'])
    onTestFinished(async () => void (await mock.stop('SIGKILL')))
    const [url] = await mock.printed(/http:\/\/127\.0\.0\.1:\d+/)
    const socket = temporarySocket()
    const command = await serving(socket, ['--mock', url, '--log-sink', 'stdout'])
    const config = {
      ...aiConfig('https://provider.invalid'),
      auth: { header_name: 'authorization', header_value: '' },
    }
    const front = await kong(socket, 'ai-proxy', config)
    const answer = await post(front, { messages, stream: true })
    expect([answer.status, answer.headers.get('x-kong-ai-mock')]).toEqual([200, '1'])
    expect((await answer.text()).endsWith('data: [DONE]\n\n')).toBe(true)
    await command.printed(/^\{"request":.*"x-relay-ticket":"REDACTED".*\}\n/m)
    expect(command.stderr).toContain('the mock provider answers')
  })

  it('opens its log file anew on SIGHUP', async () => {
    const base = await folder()
    const file = path.join(base, 'log')
    const upstream = await answering(200, JSON_TYPE, COMPLETION)
    const socket = temporarySocket()
    const command = await serving(socket, ['--log-sink', file])
    const front = await kong(socket, 'ai-proxy', aiConfig(upstream.url))
    const lines = async (name: string) =>
      (await readFile(name, 'utf8').catch(() => '')).split('\n').length - 1
    const wrote = async (name: string, count: number) => {
      while ((await lines(name)) < count) await new Promise((resolve) => setTimeout(resolve, 5))
    }
    await post(front, { messages })
    await wrote(file, 1)
    await rename(file, `${file}.1`)
    process.kill(command.pid, 'SIGHUP')
    while (!existsSync(file)) await new Promise((resolve) => setTimeout(resolve, 5))
    await post(front, { messages })
    await wrote(file, 1)
    expect([await lines(`${file}.1`), await lines(file)]).toEqual([1, 1])
  })

  it('on SIGTERM lets its streams end, writes their records and is gone', async () => {
    const openai = await provider()
    const file = path.join(await folder(), 'log')
    const socket = temporarySocket()
    const command = await serving(socket, ['--log-sink', file])
    const front = await kong(socket, 'ai-proxy', aiConfig(openai.url))
    const asking = post(front, { messages, stream: true })
    const turn = await openai.turn(0)
    turn.head(200, SSE_TYPE)
    turn.response.write(EVENTS.role + EVENTS.hello)
    const reader = new BodyReader(await asking)
    await reader.expect(EVENTS.role + EVENTS.hello)
    const stopped = command.stop()
    await until(() => !existsSync(socket))
    turn.response.end(EVENTS.finish + EVENTS.done)
    expect(await reader.rest()).toBe(EVENTS.finish + EVENTS.done)
    expect(await stopped).toBe(0)
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ response: { status: 200 } })
  })

  it('that was killed is replaced on its socket and its port: the next request is served', async () => {
    const upstream = await answering(200, JSON_TYPE, COMPLETION)
    const socket = temporarySocket()
    const first = await serving(socket)
    const [, port] = await first.printed(/relay on 127\.0\.0\.1:(\d+)/)
    const front = await kong(socket, 'ai-proxy', aiConfig(upstream.url))
    expect((await post(front, { messages })).status).toBe(200)
    await first.stop('SIGKILL')
    expect(existsSync(socket)).toBe(true)
    expect((await post(front, { messages })).status).toBe(502)
    await serving(socket, ['--relay-listen', `127.0.0.1:${port}`])
    for (let i = 0; i < 3; i++) expect((await post(front, { messages })).status).toBe(200)
  })
})

describe('the TypeScript compiler', () => {
  /** A module that says at the end how many of the compiler's files the process has loaded. */
  async function tracing(base: string): Promise<Record<string, string>> {
    const file = path.join(base, 'trace.mjs')
    await writeFile(
      file,
      `import { createRequire } from 'node:module'
      const { cache } = createRequire(import.meta.url)
      process.on('exit', () => {
        const loaded = Object.keys(cache).filter((name) => name.includes('/typescript/'))
        process.stderr.write('compiler files: ' + loaded.length)
      })`,
    )
    return { NODE_OPTIONS: `--import ${file}` }
  }

  it('is in no serving process', async () => {
    const base = await folder()
    const env = await tracing(base)
    const command = await serving(temporarySocket(), [], env)
    expect(await command.stop()).toBe(0)
    expect(command.stderr).toContain('compiler files: 0')
  })

  it('comes with a plugin folder that needs it, and the log says so', async () => {
    const base = await folder()
    const plugins = path.join(base, 'plugins')
    await mkdir(plugins)
    // No Node runs this as it is: an enum has to be compiled.
    await writeFile(
      path.join(plugins, 'typed.ts'),
      `enum Answer { Hello = 'hello' }
      class Plugin { async access(kong: any): Promise<void> { await kong.response.exit(200, Answer.Hello) } }
      module.exports = { Plugin, Name: 'typed', Version: '1.0.0', Priority: 1 }`,
    )
    const socket = temporarySocket()
    const env = await tracing(base)
    const command = await serving(socket, ['--plugins', plugins], env)
    const front = await kong(socket, 'typed', {})
    expect(await (await fetch(front.url)).text()).toBe('hello')
    expect(await command.stop()).toBe(0)
    expect(command.stderr).toMatch(/compiled with TypeScript [\d.]+/)
    expect(command.stderr).toMatch(/compiler files: [1-9]/)
  })
})
