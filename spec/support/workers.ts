import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { Agent, request, type IncomingMessage, type RequestOptions } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { onTestFinished } from 'vitest'
import { start, type RunningCommand } from './command.js'

/** Plugins that know of processes. */
export const PLUGINS = path.resolve(import.meta.dirname, '../fixtures/plugins-workers')

/** A gateway whose workers say who they are. Stopped after the test. */
export interface WorkersGateway {
  readonly command: RunningCommand
  readonly url: string
  readonly statusUrl: string
  /** The workers that serve. */
  readonly pids: () => Promise<number[]>
  /** Resolves with them, once they are as is wanted. */
  pidsWhere(are: (pids: number[]) => boolean): Promise<number[]>
  /** Puts another config in the file's place. */
  write(config: object): Promise<void>
}

export interface WorkersOptions {
  readonly args?: readonly string[]
  readonly env?: Record<string, string>
  readonly workers?: number
}

/** A folder that goes with the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'kong-ai-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

export async function workersGateway(
  config: object,
  { args = [], env = {}, workers = 2 }: WorkersOptions = {},
): Promise<WorkersGateway> {
  const file = path.join(await temporaryFolder(), 'kong.yml')
  const write = async (content: object): Promise<void> => {
    await writeFile(`${file}.new`, JSON.stringify({ _format_version: '3.0', ...content }))
    await rename(`${file}.new`, file)
  }
  await write(config)
  const ports = ['--proxy-listen', '127.0.0.1:0', '--status-listen', '127.0.0.1:0']
  const options = ['--config', file, '--plugins', PLUGINS, '--workers', String(workers)]
  const command = start(['gateway', ...options, ...ports, ...args], { env })
  onTestFinished(async () => void (await command.stop('SIGKILL')))
  const [, url] = await command.printed(/proxy on (\S+)/)
  const [, statusUrl] = await command.printed(/status on (\S+)\/status/)
  const pids = () => workerPids(statusUrl!)
  return { command, url: url!, statusUrl: statusUrl!, pids, write, pidsWhere: (are) => pidsWhere(pids, are) }
}

/** The workers that a status listener tells of. */
export async function workerPids(statusUrl: string): Promise<number[]> {
  const response = await fetch(`${statusUrl}/status`)
  const { workers = [] } = (await response.json()) as { workers?: { pid: number }[] }
  return workers.map(({ pid }) => pid)
}

export async function pidsWhere(
  look: () => Promise<number[]>,
  are: (pids: number[]) => boolean,
): Promise<number[]> {
  for (;;) {
    const pids = await look()
    if (are(pids)) return pids
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** One route for everything, whose answers say which worker gave them. */
export function whoConfig(url: string, paths: string[] = ['/'], config: object = {}): object {
  return { services: [{ name: 's', url, routes: [{ paths, plugins: [{ name: 'who', config }] }] }] }
}

export interface Answer {
  readonly status: number | undefined
  readonly worker: number
  readonly message: IncomingMessage
  /** Of the body. */
  text(): Promise<string>
}

/** Asks over a connection of its own, so that any worker may get it. */
export function ask(url: string, headers: Record<string, string> = {}): Promise<Answer> {
  return sent(url, { headers })
}

/** The same with a JSON body. */
export function askFor(url: string, body: string): Promise<Answer> {
  return sent(url, { method: 'POST', headers: { 'content-type': 'application/json' } }, body)
}

function sent(url: string, options: RequestOptions, body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const agent = new Agent({ keepAlive: false })
    const asking = request(url, { agent, ...options }, (message) => {
      resolve({
        status: message.statusCode,
        worker: Number(message.headers['x-worker']),
        message,
        text: () => text(message),
      })
    })
    asking.on('error', reject).end(body)
  })
}

/** Whether a process is there. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
