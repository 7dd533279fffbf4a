import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import * as aiProxy from '../../plugins/ai-proxy/index.js'
import * as redact from '../../plugins/redact/index.js'
import { copiedFiles, dockerStages, execForm, ROOT, texts } from '../support/dockerfile.js'

interface Service {
  image?: string
  build?: string
  entrypoint?: string[]
  command?: string[]
  environment?: Record<string, string>
  volumes?: string[]
  tmpfs?: string[]
  ports?: string[]
  depends_on?: Record<string, { condition: string }>
  healthcheck?: { test: string[] }
  stop_grace_period?: string
}

const text = (name: string) => readFileSync(path.join(ROOT, name), 'utf8')
const compose = parse(text('docker-compose.yml')) as {
  services: Record<'mock' | 'plugins' | 'kong', Service>
  volumes: Record<string, unknown>
}
const { mock, plugins, kong } = compose.services
const kongEnv = kong.environment!
const served = plugins.command![0]!
const BUNDLED_IN_IMAGE = [aiProxy.Name, redact.Name]

/** The names of Kong's `pluginserver_*` settings: what the setting of each is. */
const pluginServers = kongEnv.KONG_PLUGINSERVER_NAMES!.split(',').map((name) => ({
  socket: kongEnv[`KONG_PLUGINSERVER_${name.toUpperCase()}_SOCKET`],
  query: kongEnv[`KONG_PLUGINSERVER_${name.toUpperCase()}_QUERY_CMD`]!,
}))

function option(name: string): string {
  return new RegExp(`--${name} (\\S+)`).exec(served)![1]!
}

describe('docker-compose.yml', () => {
  it('starts mock, then plugins, then Kong, each when the one before is healthy', () => {
    expect(mock.depends_on).toBeUndefined()
    expect(plugins.depends_on).toEqual({ mock: { condition: 'service_healthy' } })
    expect(kong.depends_on).toEqual({ plugins: { condition: 'service_healthy' } })
  })

  it('runs the Kong that all this was verified with, without a database, on this repository’s kong.yml', () => {
    expect(kong.image).toBe('kong:3.9.1')
    expect(kongEnv).toMatchObject({ KONG_DATABASE: 'off', KONG_DECLARATIVE_CONFIG: '/etc/kong/kong.yml' })
    expect(kong.volumes).toContain('./kong.yml:/etc/kong/kong.yml:ro')
  })

  it('gives every plugin of kong.yml that is ours a plugin server of its own, all on the one socket', () => {
    const names = pluginServers.map(({ query }) => /\/([^/]+)\.json$/.exec(query)![1])
    expect(names).toEqual(BUNDLED_IN_IMAGE)
    for (const { socket } of pluginServers) expect(socket).toBe(option('socket'))
  })

  it('enables them: ai-proxy is among the bundled names, the others are named', () => {
    expect(kongEnv.KONG_PLUGINS!.split(',')).toEqual(['bundled', redact.Name])
    const used = JSON.stringify(parse(text('kong.yml')))
    for (const name of BUNDLED_IN_IMAGE) expect(used).toContain(`"name":"${name}"`)
  })

  it('hides Kong’s Lua plugin of the same name by an empty mount', () => {
    expect(kong.tmpfs).toEqual([`/usr/local/share/lua/5.1/kong/plugins/${aiProxy.Name}`])
  })

  it('writes the dumps that Kong reads, to where it reads them, before there is a socket', () => {
    const [, names] = /for plugin in (.*); do/.exec(served)!
    expect(names!.split(' ')).toEqual(BUNDLED_IN_IMAGE)
    const [, target] = /--dump \$\$plugin > (\S+)/.exec(served)!
    const written = BUNDLED_IN_IMAGE.map((name) => `cat ${target!.replace('$$plugin', name)}`)
    expect(pluginServers.map(({ query }) => query)).toEqual(written)
    expect(served.indexOf('--dump')).toBeLessThan(served.indexOf('exec node'))
    expect(served.startsWith('set -e\n')).toBe(true)
  })

  it('leaves no dollar sign of its scripts to compose', () => {
    expect(served.replaceAll('$$', '')).not.toContain('$')
  })

  it('shares the folder of the socket, and nothing else, between the two', () => {
    const folder = path.dirname(option('socket'))
    expect(plugins.volumes).toEqual([`sockets:${folder}`])
    expect(kong.volumes).toContain(`sockets:${folder}`)
    expect(Object.keys(compose.volumes)).toEqual(['sockets'])
  })

  it('has the relay where Kong alone finds it: by the name of its service, on no port of the host', () => {
    expect(option('relay-listen')).toBe('0.0.0.0:9100')
    expect(option('relay-advertise')).toBe('plugins:9100')
    expect([plugins.ports, mock.ports, kong.ports]).toEqual([undefined, undefined, ['8000:8000']])
    expect(kongEnv.KONG_PROXY_LISTEN).toBe('0.0.0.0:8000')
  })

  it('sends requests without a key to the mock, at its address', () => {
    expect(option('mock')).toBe('http://mock:8111')
    expect(mock.command).toEqual(['mock', '--listen', '0.0.0.0:8111'])
    expect(mock.healthcheck!.test.join(' ')).toContain('http://127.0.0.1:8111/')
  })

  it('hands the keys that kong.yml refers to, and no others, to Kong, which resolves them', () => {
    const references = [...text('kong.yml').matchAll(/\{vault:\/\/env\/([^}]+)\}/g)]
    const names = new Set(references.map(([, name]) => name!.replaceAll('-', '_').toUpperCase()))
    const given = Object.keys(kongEnv).filter((name) => !name.startsWith('KONG_'))
    expect(given.toSorted((a, b) => a.localeCompare(b))).toEqual(
      [...names].toSorted((a, b) => a.localeCompare(b)),
    )
    for (const name of given) expect(kongEnv[name]).toBe(`\${${name}:-}`)
    expect(plugins.environment).toBeUndefined()
  })

  it('gives streams longer to end than the server waits for an event', () => {
    expect(plugins.stop_grace_period).toBe('60s')
  })
})

describe('Dockerfile', () => {
  const stages = dockerStages()
  const last = stages.at(-1)!

  it('copies what there is, and what .dockerignore lets through', () => {
    const ignored = new Set(text('.dockerignore').split('\n'))
    const copied = stages.flatMap((stage) => copiedFiles(stage)).flatMap(({ sources }) => sources)
    expect(copied).toContain('package-lock.json')
    expect(copied.filter((name) => !existsSync(path.join(ROOT, name)) || ignored.has(name))).toEqual([])
  })

  it('ends in an image of a Node LTS with production dependencies only', () => {
    expect(texts(last, 'FROM')).toEqual(['node:24-slim'])
    expect(texts(last, 'RUN')[0]).toMatch(/^npm ci --omit=dev /)
    expect(texts(last, 'ENV')).toContain('NODE_ENV=production')
  })

  it('runs as a user without rights, who owns the folder of the socket', () => {
    expect(texts(last, 'USER')).toEqual(['1000'])
    expect(texts(last, 'RUN').at(-1)).toBe('mkdir -p /run/kong-ai && chown node:node /run/kong-ai')
    expect(path.dirname(option('socket'))).toBe('/run/kong-ai')
  })

  it('starts the command that package.json calls kong-ai, with the socket that its health check connects to', () => {
    const { bin } = JSON.parse(text('package.json')) as { bin: Record<string, string> }
    expect(execForm(texts(last, 'ENTRYPOINT')[0]!)).toEqual(['node', bin['kong-ai']])
    expect(execForm(texts(last, 'CMD')[0]!)).toEqual(['plugin-server', '--socket', option('socket')])
    const [health] = texts(last, 'HEALTHCHECK')
    expect(execForm(health!.slice(health!.indexOf('[')))[2]).toContain(`connect('${option('socket')}')`)
  })
})
