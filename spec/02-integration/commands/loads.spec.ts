import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { start, type RunningCommand } from '../../support/command.js'
import { listingLoads, loadsIn, type Loads } from '../../support/loads.js'

const open: { close(): Promise<unknown> }[] = []
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close()
})

const GATEWAY = ['gateway', '--mock', 'http://127.0.0.1:1', '--proxy-listen', '127.0.0.1:0']
const SERVES = /status on (.*)\/status/

/** What a command loads that serves, and is stopped. */
async function loadsOf(
  args: string[],
  serves: RegExp,
  use: (match: RegExpExecArray) => Promise<unknown> = async () => {},
): Promise<Loads> {
  const folder = await mkdtemp(path.join(tmpdir(), 'kong-ai-'))
  open.push({ close: () => rm(folder, { recursive: true }) })
  const command: RunningCommand = start(args, { env: listingLoads(folder) })
  open.push({ close: () => command.stop('SIGKILL') })
  await use(await command.printed(serves))
  expect(await command.stop()).toBe(0)
  return loadsIn(folder)
}

/** Of our own files, those of a folder. */
const inside = ({ own }: Loads, ...folders: string[]) =>
  own.filter((file) => folders.some((folder) => file.startsWith(folder)))

describe('a gateway that serves and is idle', () => {
  const arguments_ = [...GATEWAY, '--status-listen', '127.0.0.1:0']

  it('has loaded what reads its config and streams, and no other package', async () => {
    const loads = await loadsOf(arguments_, SERVES)
    expect([...loads.packages].sort()).toEqual(['ajv', 'eventsource-parser', 'yaml'])
    // The configs' validators were compiled by the build.
    expect(loads.packageFiles.filter((file) => file.startsWith('ajv/'))).toEqual([
      'ajv/dist/runtime/ucs2length.js',
    ])
  })

  it('has loaded nothing that only some requests or commands need', async () => {
    const loads = await loadsOf(arguments_, SERVES)
    expect(loads.own).toContain('lib/runtime/pipeline.js')
    expect(
      inside(loads, 'lib/mock/', 'lib/pluginserver/', 'lib/runtime/live/', 'lib/runtime/workers/'),
    ).toEqual([])
    expect(
      inside(loads, 'lib/credentials/sigv4', 'lib/credentials/assume-role', 'lib/llm/tokens/worker'),
    ).toEqual([])
    expect(inside(loads, 'lib/runtime/telemetry/tracing')).toEqual([])
    expect(loads.builtIn).toContain('node:http')
    expect(loads.builtIn).not.toContain('node:cluster')
    expect(loads.builtIn).not.toContain('node:child_process')
  })

  it('serves also where `require` does not load ES modules', async () => {
    const command = start(arguments_, { env: { NODE_OPTIONS: '--no-experimental-require-module' } })
    open.push({ close: () => command.stop('SIGKILL') })
    await command.printed(SERVES)
    expect(await command.stop()).toBe(0)
  })

  it('loads the library of the metrics when somebody asks for them', async () => {
    const loads = await loadsOf(arguments_, SERVES, async ([, url]) => {
      const response = await fetch(`${url}/metrics`)
      expect(await response.text()).toContain('process_cpu_user_seconds_total')
    })
    expect(loads.packages).toContain('prom-client')
  })
})

describe('a plugin server that serves and is idle', () => {
  it('has loaded what speaks with Kong, and nothing for configs, metrics, tokens or clouds', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'kong-ai-'))
    open.push({ close: () => rm(folder, { recursive: true }) })
    const socket = path.join(folder, 'socket')
    const loads = await loadsOf(['plugin-server', '--socket', socket], /relay on/)
    expect(loads.packages).toContain('kong-pdk')
    const later = [
      'ajv',
      'yaml',
      'prom-client',
      '@opentelemetry/api',
      'gpt-tokenizer',
      'undici',
      'google-auth-library',
    ]
    expect(later.filter((one) => loads.packages.has(one))).toEqual([])
    expect([...loads.packages].filter((one) => /^@(?:aws-sdk|smithy)\//.test(one))).toEqual([])
    expect(inside(loads, 'lib/mock/', 'lib/gateway/', 'lib/runtime/live/', 'lib/runtime/workers/')).toEqual(
      [],
    )
  })
})
