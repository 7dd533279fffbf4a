import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { describe, expect, expectTypeOf, it } from 'vitest'
import type { Phase } from '../../../lib/pdk/exchange.js'
import { createFilterKong, createKong, type FilterKong, type Kong, surface } from '../../../lib/pdk/kong.js'
import { fakeExchange, fakeScope, inFilter, inPhase } from './fake-exchange.js'

/** `[['service', 'request', 'setPath'], ...]`: every method that kong-pdk types. */
function methodsOfKongPdk(): string[][] {
  const folder = path.join(path.dirname(createRequire(import.meta.url).resolve('kong-pdk/pdk.js')), 'kong')
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.d.ts'))
    .flatMap((file) => {
      const namespace = file
        .replace(/(\/index)?\.d\.ts$/, '')
        .replace(/_[a-z]/g, (part) => part.charAt(1).toUpperCase())
        .split('/')
      const source = readFileSync(path.join(folder, file), 'utf8')
      return [...source.matchAll(/^ {4}(\w+)\(.*\): Promise</gm)].map((match) => namespace.concat(match[1]!))
    })
}

function member(root: unknown, names: readonly string[]): unknown {
  return names.reduce((at: unknown, name) => Reflect.get(Object(at), name), root)
}

describe('the surface', () => {
  const methods = methodsOfKongPdk()

  it('has every method of kong-pdk', () => {
    expect(methods.length).toBeGreaterThan(100)
    const { kong } = inPhase('access')
    const missing = methods.filter((names) => typeof member(kong, names) !== 'function')
    expect(missing).toEqual([])
  })

  it('adds only names that kong-pdk does not know', () => {
    const known = new Set(methods.map((names) => names.join('.')))
    for (const name of [
      'log.hide',
      'log.setSerializeValues',
      'service.setRequest',
      'service.setAttempts',
      'service.failAttempt',
      'response.flushAfter',
      'response.isBuffered',
      'response.clearServiceHeaders',
      'response.setPreparedHeaders',
      'service.response.findHeader',
    ]) {
      expect(known.has(name)).toBe(false)
      expect(member(surface, name.split('.'))).toBeDefined()
    }
  })

  it('refuses what has no meaning here with an error that says so', async () => {
    const { kong } = inPhase('access')
    const call = member(kong, ['service', 'setUpstream']) as (name: string) => Promise<unknown>
    await expect(call.call(kong.service, 'pool')).rejects.toThrow(
      'kong.service.setUpstream is not available here: there are no Upstream entities; see kong.service.setTarget and kong.service.setAttempts',
    )
    const cluster = kong.cluster as { getId?: () => Promise<unknown> }
    await expect(cluster.getId!()).rejects.toThrow('kong.cluster.getId is not available here')
  })
})

describe('the facade with promises', () => {
  it('can be awaited, chained and joined', async () => {
    const { kong } = inPhase('access')
    expect(await kong.request.getMethod()).toBe('GET')
    await kong.request.getMethod().then((method) => expect(method).toBe('GET'))
    expect(await Promise.all([kong.request.getScheme(), kong.request.getPort()])).toEqual(['http', 8000])
  })

  it('has done its work when the call returns, awaited or not', () => {
    const { kong, x } = inPhase('access')
    void kong.service.request.setMethod('PUT')
    expect(x.upstream.method).toBe('PUT')
  })

  it('rejects, and logs a rejection that nobody may be waiting for', async () => {
    const { kong, lines } = inPhase('access')
    const refused = kong.service.request.setMethod('BREW')
    await expect(refused).rejects.toThrow('invalid method: BREW')
    expect(lines).toEqual(['warn [probe] kong.service.request.setMethod: invalid method: BREW'])
  })

  it('types every method as a promise and plain values as they are', () => {
    expectTypeOf<Kong['request']['getPort']>().toEqualTypeOf<() => Promise<number>>()
    expectTypeOf<Kong['ctx']['plugin']>().toEqualTypeOf<Record<string, unknown>>()
  })
})

describe('the facade with values', () => {
  it('gives values and throws', () => {
    const { kong } = inFilter('header_filter')
    expect(kong.request.getMethod()).toBe('GET')
    expect(() => kong.request.getHeader(5 as never)).toThrow('header name must be a string')
  })

  it('types methods with their values and leaves out what no filter may call', () => {
    expectTypeOf<FilterKong['request']['getPort']>().toEqualTypeOf<() => number>()
    expectTypeOf<FilterKong['request']>().not.toHaveProperty('getRawBody')
    expectTypeOf<FilterKong['service']>().not.toHaveProperty('setTarget')
    expectTypeOf<Kong['service']>().not.toHaveProperty('failAttempt')
  })
})

describe('both', () => {
  it('share the state of the plugin and keep their namespaces', () => {
    const x = fakeExchange('access')
    const scope = fakeScope()
    const kong = createKong(x, scope)
    kong.ctx.plugin.seen = 1
    expect(createFilterKong(x, scope).ctx.plugin.seen).toBe(1)
    expect(kong.service.request).toBe(kong.service.request)
  })

  it('keep plugins apart', () => {
    const x = fakeExchange('access')
    createKong(x, fakeScope()).ctx.plugin.seen = 1
    expect(createKong(x, fakeScope()).ctx.plugin.seen).toBeUndefined()
  })

  it('say what the process was started with', () => {
    const { kong } = inPhase('access', { exchange: { configuration: { mockUrl: 'http://mock' } } })
    expect(kong.configuration.mockUrl).toBe('http://mock')
  })
})

describe('phases', () => {
  const refusals: [phase: Phase, names: string[], only: string][] = [
    ['access', ['response', 'getStatus'], 'response, header_filter, body_filter, log'],
    ['access', ['log', 'serialize'], 'log'],
    ['access', ['service', 'response', 'getBody'], 'response'],
    ['rewrite', ['router', 'getRoute'], 'access, response, header_filter, body_filter, log'],
    ['rewrite', ['service', 'setTimeouts'], 'access'],
    ['response', ['service', 'request', 'setPath'], 'rewrite, access'],
    ['header_filter', ['service', 'setTarget'], 'rewrite, access'],
    ['body_filter', ['request', 'getRawBody'], 'rewrite, access, response'],
    ['log', ['response', 'exit'], 'rewrite, access, response, header_filter, body_filter'],
    ['log', ['response', 'setHeader'], 'rewrite, access, response, header_filter, body_filter'],
    ['rewrite', ['response', 'flushAfter'], 'access, header_filter, body_filter'],
    ['access', ['service', 'failAttempt'], 'header_filter, body_filter'],
  ]

  it.each(refusals)("in %s, refuses %s in Kong's words", async (phase, names, only) => {
    const text = `function cannot be called in ${phase} phase (only in: ${only})`
    const x = fakeExchange(phase)
    const call = (kong: unknown) =>
      (member(kong, names) as () => unknown).call(member(kong, names.slice(0, -1)))
    expect(() => call(createFilterKong(x, fakeScope()))).toThrow(text)
    await expect(call(createKong(x, fakeScope()))).rejects.toThrow(text)
  })
})
