import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startChild, type Child } from './child.js'
import type { Job } from './job.js'
import { gatewayConfig, pluginConfig } from './kong-config.js'
import { pathOf, type Scenario } from './scenarios.js'

/** What is measured: a process between client and provider. */
export interface Target {
  readonly name: TargetName
  /** Absent: there is nobody in between. */
  readonly pid?: number
  /** Answers in OpenAI's format, whatever the provider's is. */
  readonly translates: boolean
  request(scenario: Scenario): Pick<Job, 'origin' | 'path' | 'headers' | 'handover'>
  stop(): Promise<void>
}

export interface TargetOptions {
  /** The mock provider. */
  readonly mock: string
  /** A folder for what a target needs to have in files. */
  readonly folder: string
  /** A folder with another build of this project; for `baseline`. */
  readonly baseline?: string | undefined
  /** Where CPU profiles of the gateway and the relay go; absent: none are made. */
  readonly profiles?: string | undefined
}

const CLI = fileURLToPath(new URL('../lib/cli.js', import.meta.url))
const LISTENING = /listening on (\S+)/
const EXEC = promisify(execFile)

/** How each target is started. */
export const targets = {
  direct,
  'node-pipe': nodePipe,
  floor,
  nginx,
  portkey,
  gateway,
  'gateway-2': gateway2,
  baseline,
  relay,
} as const

export type TargetName = keyof typeof targets

/** The client asks the provider itself: what all other numbers contain. */
async function direct({ mock }: TargetOptions): Promise<Target> {
  return untouched('direct', mock)
}

async function nodePipe({ mock }: TargetOptions): Promise<Target> {
  const program = fileURLToPath(new URL('node-pipe.js', import.meta.url))
  const child = await startChild(process.execPath, [program, mock], LISTENING)
  return untouched('node-pipe', child.match[1]!, child)
}

async function floor({ mock, folder }: TargetOptions): Promise<Target> {
  const program = fileURLToPath(new URL('floor.js', import.meta.url))
  const child = await startChild(
    process.execPath,
    [program, mock, path.join(folder, 'floor.ndjson')],
    LISTENING,
  )
  return untouched('floor', child.match[1]!, child)
}

async function nginx({ mock, folder }: TargetOptions): Promise<Target> {
  const port = await freePort()
  const config = path.join(folder, 'nginx.conf')
  await writeFile(config, nginxConfig(new URL(mock).host, port))
  const args = ['-p', folder, '-c', config, '-e', 'stderr', '-g', 'daemon off;']
  const child = await startChild('nginx', args, /start worker process \d/)
  return untouched('nginx', `http://127.0.0.1:${port}`, child)
}

function untouched(name: TargetName, origin: string, child?: Child): Target {
  return {
    name,
    ...(child && { pid: child.pid }),
    translates: false,
    request: (scenario) => ({ origin, path: pathOf(scenario), headers: {} }),
    stop: async () => child?.stop(),
  }
}

function nginxConfig(upstream: string, port: number): string {
  return `
worker_processes 1;
pid nginx.pid;
error_log stderr notice;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  client_max_body_size 16m;
  client_body_buffer_size 2m;
  keepalive_requests 1000000;
  upstream provider { server ${upstream}; keepalive 512; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://provider;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }
  }
}
`
}

async function gateway(options: TargetOptions): Promise<Target> {
  return gatewayOf('gateway', CLI, options)
}

/** With two workers. */
async function gateway2(options: TargetOptions): Promise<Target> {
  return gatewayOf('gateway-2', CLI, options, ['--workers', '2'])
}

/** The gateway of another build: what a change has done. */
async function baseline(options: TargetOptions): Promise<Target> {
  if (options.baseline === undefined) throw new Error('--baseline names the folder of the other build')
  return gatewayOf('baseline', path.resolve(options.baseline, 'dist/lib/cli.js'), options)
}

async function gatewayOf(
  name: TargetName,
  cli: string,
  options: TargetOptions,
  args: readonly string[] = [],
): Promise<Target> {
  const config = path.join(options.folder, 'kong.yml')
  await writeFile(config, gatewayConfig(options.mock))
  const listen = ['--proxy-listen', '127.0.0.1:0', '--status-listen', '127.0.0.1:0']
  const child = await kongAi(
    cli,
    ['gateway', '--config', config, ...listen, ...args],
    /proxy on (\S+)/,
    options,
  )
  return {
    name,
    pid: child.pid,
    translates: true,
    request: (scenario) => ({ origin: child.match[1]!, path: pathOf(scenario), headers: {} }),
    stop: () => child.stop(),
  }
}

/** The plugin server with its relay, as a Kong uses them: what the RPC costs is in. */
async function relay(options: TargetOptions): Promise<Target> {
  const socket = path.join(options.folder, 'relay.sock')
  const child = await kongAi(CLI, ['plugin-server', '--socket', socket], /relay on/, options)
  return {
    name: 'relay',
    pid: child.pid,
    translates: true,
    request: (scenario) => ({
      origin: '',
      path: pathOf(scenario),
      headers: {},
      handover: { socket, config: pluginConfig(scenario, options.mock) },
    }),
    stop: () => child.stop(),
  }
}

/** With a record of every request, as in production. */
function kongAi(
  cli: string,
  args: readonly string[],
  announces: RegExp,
  { folder, profiles }: TargetOptions,
): Promise<Child> {
  const profiling =
    profiles === undefined ? [] : ['--cpu-prof', '--cpu-prof-interval', '200', '--cpu-prof-dir', profiles]
  const env = { KONG_AI_LOG_SINK: path.join(folder, 'records.ndjson') }
  return startChild(process.execPath, [...profiling, cli, ...args], announces, env)
}

/** As its own lock file pins them: with newer ones it answers 500. */
const PORTKEY = {
  private: true,
  dependencies: { '@portkey-ai/gateway': '1.15.2' },
  overrides: { hono: '4.9.7', '@hono/node-server': '1.13.5' },
}

/** Portkey's gateway, installed for this run. https://github.com/Portkey-AI/gateway */
async function portkey({ mock, folder }: TargetOptions): Promise<Target> {
  const home = path.join(folder, 'portkey')
  const program = path.join(home, 'node_modules/@portkey-ai/gateway/build/start-server.js')
  if (!existsSync(program)) {
    await mkdir(home, { recursive: true })
    await writeFile(path.join(home, 'package.json'), JSON.stringify(PORTKEY))
    await EXEC('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: home })
  }
  const port = await freePort()
  const child = await startChild(
    process.execPath,
    [program, '--headless', `--port=${port}`],
    /Ready|running/i,
  )
  return {
    name: 'portkey',
    pid: child.pid,
    translates: true,
    request: (scenario) => ({
      origin: `http://127.0.0.1:${port}`,
      path: '/v1/chat/completions',
      headers: {
        ...PORTKEY_PROVIDER[scenario.provider],
        authorization: 'Bearer key',
        'x-portkey-custom-host': `${mock}${pathOf(scenario)}`,
      },
    }),
    stop: () => child.stop(),
  }
}

const PORTKEY_PROVIDER: Readonly<Record<Scenario['provider'], Record<string, string>>> = {
  openai: { 'x-portkey-provider': 'openai' },
  anthropic: { 'x-portkey-provider': 'anthropic' },
  gemini: { 'x-portkey-provider': 'google' },
  bedrock: {
    'x-portkey-provider': 'bedrock',
    'x-portkey-aws-access-key-id': 'AKIDEXAMPLE',
    'x-portkey-aws-secret-access-key': 'secret',
    'x-portkey-aws-region': 'us-east-1',
  },
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}
