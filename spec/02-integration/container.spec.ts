import { spawn, spawnSync, type SpawnSyncReturns } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { parse } from 'yaml'
import { copiedFiles, dockerStages, execForm, type Instruction, ROOT, texts } from '../support/dockerfile.js'

/** Somebody without rights, where this process may become anybody. */
const NOBODY = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}

const [build, final] = dockerStages() as [Instruction[], Instruction[]]
const image = mkdtempSync(path.join(tmpdir(), 'kong-ai-image-'))
const work = path.join(image, 'app')
const shared = path.join(image, 'run')
afterAll(() => rmSync(image, { recursive: true, force: true }))

/** PATH is the image's: Node, npm and a shell, nothing of this checkout. */
const env = {
  PATH: `${path.dirname(process.execPath)}:/usr/bin:/bin`,
  HOME: image,
  NODE_ENV: 'production',
  ...(process.env.npm_config_registry && { npm_config_registry: process.env.npm_config_registry }),
}

function inImage(script: string): SpawnSyncReturns<string> {
  return spawnSync('sh', ['-c', script], { cwd: work, env, encoding: 'utf8', ...NOBODY })
}

function copy(stage: Instruction[], target = work): void {
  for (const { sources, target: place } of copiedFiles(stage)) {
    for (const source of sources) {
      const name = sources.length > 1 ? path.basename(source) : path.basename(place)
      cpSync(path.join(ROOT, source), path.join(target, name === '.' ? source : name), { recursive: true })
    }
  }
}

function giveAway(folder: string): void {
  if (NOBODY.uid === undefined) return
  chownSync(folder, NOBODY.uid, NOBODY.gid)
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const name = path.join(folder, entry.name)
    if (entry.isDirectory()) giveAway(name)
    else if (entry.isFile()) chownSync(name, NOBODY.uid, NOBODY.gid)
  }
}

/** `npm ci` wants a registry or a cache of it, and its time. */
const INSTALL_MS = 120_000

beforeAll(() => {
  for (const folder of [work, shared]) mkdirSync(folder)
  chmodSync(image, 0o755)
  copy(final)
  giveAway(image)
  const [install] = texts(final, 'RUN')
  const { status, stderr } = inImage(install!)
  if (status !== 0) throw new Error(`${install}: ${stderr}`)
  cpSync(path.join(ROOT, 'dist'), path.join(work, 'dist'), { recursive: true })
}, INSTALL_MS)

describe('the image', () => {
  it('builds from the files that the first stage copies, and no others', () => {
    const stage = mkdtempSync(path.join(tmpdir(), 'kong-ai-build-'))
    onTestFinished(() => rmSync(stage, { recursive: true }))
    copy(build, stage)
    symlinkSync(path.join(ROOT, 'node_modules'), path.join(stage, 'node_modules'))
    const line = texts(build, 'RUN').at(-1)!
    const { status, stdout } = spawnSync('sh', ['-c', line], { cwd: stage, env, encoding: 'utf8' })
    if (status !== 0) throw new Error(stdout)
    expect(existsSync(path.join(stage, 'dist/lib/cli.js'))).toBe(true)
  }, 60_000)

  it('has production dependencies only', () => {
    const { dependencies, devDependencies } = JSON.parse(
      readFileSync(path.join(ROOT, 'package.json'), 'utf8'),
    ) as Record<'dependencies' | 'devDependencies', Record<string, string>>
    const installed = (name: string) => existsSync(path.join(work, 'node_modules', name))
    expect(Object.keys(dependencies).filter((name) => !installed(name))).toEqual([])
    expect(
      ['vitest', 'oxlint', 'openai'].filter((name) => name in devDependencies && installed(name)),
    ).toEqual([])
  })

  it('runs what compose starts: dumps, then a socket that anybody may connect to, healthy', async () => {
    const compose = parse(readFileSync(path.join(ROOT, 'docker-compose.yml'), 'utf8')) as {
      services: { plugins: { entrypoint: string[]; command: string[] } }
    }
    const { entrypoint, command } = compose.services.plugins
    const here = (text: string) => text.replaceAll('/run/kong-ai', shared).replaceAll('$$', '$')
    const script = here(command[0]!).replace('0.0.0.0:9100', '127.0.0.1:0')
    const server = spawn(entrypoint[0]!, [...entrypoint.slice(1), script], { cwd: work, env, ...NOBODY })
    const closed = once(server, 'close')
    onTestFinished(() => void server.kill('SIGKILL'))
    let stdout = ''
    await new Promise<void>((resolve, reject) => {
      server.stdout.on('data', (bytes: Buffer) => {
        stdout += bytes.toString()
        if (/relay on plugins:9100/.test(stdout)) resolve()
      })
      void closed.then(() => reject(new Error(stdout)))
    })
    expect(readdirSync(shared).toSorted((a, b) => a.localeCompare(b))).toEqual([
      'ai-proxy.json',
      'plugins.sock',
      'redact.json',
    ])
    for (const name of ['ai-proxy', 'redact']) {
      const dump = JSON.parse(readFileSync(path.join(shared, `${name}.json`), 'utf8')) as unknown
      expect(dump).toMatchObject([{ Name: name }])
    }
    const [health] = texts(final, 'HEALTHCHECK')
    const [program, ...args] = execForm(here(health!.slice(health!.indexOf('['))))
    const probe = () => spawnSync(program!, args, { env, ...NOBODY }).status
    expect(probe()).toBe(0)
    server.kill()
    expect((await closed)[0]).toBe(0)
    expect(probe()).toBe(1)
  }, 30_000)

  it('starts its entry point', () => {
    const entry = execForm(texts(final, 'ENTRYPOINT')[0]!).join(' ')
    const { status, stdout } = inImage(`${entry} plugin-server --dump redact`)
    expect(status).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject([{ Name: 'redact' }])
  })
})
