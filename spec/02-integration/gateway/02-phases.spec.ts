import { once } from 'node:events'
import http from 'node:http'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import type { UpstreamRequest } from '../../../lib/pdk/exchange.js'
import type { FilterKong, Kong } from '../../../lib/pdk/kong.js'
import type { BodyArg, Plugin, PluginModule } from '../../../lib/pdk/plugin.js'
import { testGateway } from '../../support/gateway.js'
import { gate, origin, type Origin } from '../../support/origin.js'

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close()
})

/** A plugin module of nothing but phases. */
function plugin(name: string, phases: Plugin, priority = 0): PluginModule {
  // A constructor whose instances have the phases on their prototype, as classes have.
  function Phases() {}
  Object.assign(Phases.prototype as object, phases)
  return { Plugin: Phases as unknown as PluginModule['Plugin'], Name: name, Priority: priority }
}

/** A gateway with the plugins on its one route, in front of `upstream`. */
async function running(upstream: Origin, ...modules: PluginModule[]) {
  open.push(upstream)
  const gateway = await testGateway(
    JSON.stringify({
      _format_version: '3.0',
      services: [
        {
          name: 's',
          url: upstream.url,
          routes: [{ name: 'r', paths: ['/'], plugins: modules.map(({ Name }) => ({ name: Name })) }],
        },
      ],
    }),
    modules,
  )
  open.push(gateway)
  return gateway
}

const hello = () =>
  origin((_, response) => {
    response.writeHead(200, { 'content-type': 'text/plain', 'content-length': 5 })
    response.end('hello')
  })

const upper = (_: FilterKong, arg: BodyArg) => {
  arg.chunk = Buffer.from(arg.chunk.toString('latin1').toUpperCase(), 'latin1')
}

describe('the order of things', () => {
  it('runs the phases of Kong, plugins by priority, with one state per plugin and request', async () => {
    const seen: string[] = []
    const done = gate()
    const module = (name: string, priority: number) =>
      plugin(
        name,
        {
          access(kong: Kong) {
            kong.ctx.plugin.steps = [`${name}:access`]
          },
          headerFilter(kong: FilterKong) {
            ;(kong.ctx.plugin.steps as string[]).push('header')
          },
          bodyFilter(kong: FilterKong, arg: BodyArg) {
            ;(kong.ctx.plugin.steps as string[]).push(arg.eof ? 'end' : 'body')
          },
          log(kong: Kong) {
            seen.push((kong.ctx.plugin.steps as string[]).join(' '))
            if (seen.length === 2) done.open()
          },
        },
        priority,
      )
    const { url } = await running(await hello(), module('low', 1), module('high', 2))
    expect(await (await fetch(url)).text()).toBe('hello')
    await done.promise
    expect(seen).toEqual(['high:access header body end', 'low:access header body end'])
  })

  it('keeps the state of a plugin without a scope from rewrite on', async () => {
    const upstream = await hello()
    const module = plugin('global', {
      rewrite(kong: Kong) {
        kong.ctx.plugin.steps = 'rewrite'
      },
      async access(kong: Kong) {
        await kong.response.exit(200, `${String(kong.ctx.plugin.steps)} access`)
      },
    })
    const services = [{ name: 's', url: upstream.url, routes: [{ name: 'r', paths: ['/'] }] }]
    const config = { _format_version: '3.0', services, plugins: [{ name: 'global' }] }
    const gateway = await testGateway(JSON.stringify(config), [module])
    open.push(upstream, gateway)
    expect(await (await fetch(gateway.url)).text()).toBe('rewrite access')
  })

  it('hands the output of one body filter to the next', async () => {
    const first = plugin('first', { bodyFilter: upper }, 2)
    const second = plugin(
      'second',
      {
        bodyFilter: (_: FilterKong, arg: BodyArg) => {
          arg.chunk = Buffer.from(arg.chunk.toString().replace('HELL', 'hell'))
        },
      },
      1,
    )
    const { url } = await running(await hello(), first, second)
    expect(await (await fetch(url)).text()).toBe('hellO')
  })

  it('lets each piece of the body leave before the next one comes', async () => {
    const next = [gate(), gate()]
    const upstream = await origin((_, response) => {
      void (async () => {
        response.writeHead(200)
        response.write('one ')
        await next[0]!.promise
        response.write('two ')
        await next[1]!.promise
        response.end('three')
      })()
    })
    const { url } = await running(upstream, plugin('upper', { bodyFilter: upper }))
    const reader = (await fetch(url)).body!.getReader()
    const read = async () => Buffer.from((await reader.read()).value ?? []).toString()
    expect(await read()).toBe('ONE ')
    next[0]!.open()
    expect(await read()).toBe('TWO ')
    next[1]!.open()
    expect(await read()).toBe('THREE')
  })
})

describe('lazy commit', () => {
  it('lets a body filter change status and headers until its first output', async () => {
    const module = plugin('late', {
      bodyFilter(kong: FilterKong, arg: BodyArg) {
        if (!arg.eof) {
          kong.ctx.plugin.kept = arg.chunk
          arg.chunk = Buffer.alloc(0)
          return
        }
        kong.response.setStatus(418)
        kong.response.setHeader('x-late', 'yes')
        arg.chunk = kong.ctx.plugin.kept as Buffer
      },
    })
    const { url } = await running(await hello(), module)
    const response = await fetch(url)
    expect(response.status).toBe(418)
    expect(response.headers.get('x-late')).toBe('yes')
    expect(response.headers.get('content-length')).toBe('5')
    expect(await response.text()).toBe('hello')
  })

  it('lets a body filter answer something else altogether', async () => {
    const module = plugin('exits', {
      bodyFilter(kong: FilterKong) {
        kong.response.exit(503, { error: 'overloaded' }, { 'retry-after': '3' })
      },
    })
    const { url } = await running(await hello(), module)
    const response = await fetch(url)
    expect(response.status).toBe(503)
    expect(response.headers.get('retry-after')).toBe('3')
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8')
    expect(await response.json()).toEqual({ error: 'overloaded' })
  })

  it('lets a header filter answer something else altogether', async () => {
    const module = plugin('exits', {
      headerFilter: (kong: FilterKong) => kong.response.exit(403, 'no'),
    })
    const { url } = await running(await hello(), module)
    const response = await fetch(url)
    expect(response.status).toBe(403)
    expect(await response.text()).toBe('no')
  })

  it('ends the answer where a filter says so, and keeps the connection to the upstream', async () => {
    const release = gate()
    const sockets = new Set<unknown>()
    const upstream = await origin((_, response, message) => {
      const isFirst = sockets.size === 0
      sockets.add(message.socket)
      response.writeHead(200).write('enough')
      if (isFirst) void release.promise.then(() => response.end('too much'))
      else response.end()
    })
    const module = plugin('early', {
      bodyFilter: (_: FilterKong, arg: BodyArg) => {
        arg.eof = true
      },
    })
    const { url } = await running(upstream, module)
    expect(await (await fetch(url)).text()).toBe('enough')
    release.open()
    expect(await (await fetch(url)).text()).toBe('enough')
    expect(sockets.size).toBe(1)
  })

  it('runs the filters again after the time they asked for, though nothing came', async () => {
    const upstream = await origin((_, response) => response.writeHead(200).write('held'))
    const module = plugin('hold', {
      headerFilter: (kong: FilterKong) => kong.response.flushAfter(1),
      bodyFilter(kong: FilterKong, arg: BodyArg) {
        if (arg.chunk.length > 0) kong.ctx.plugin.held = arg.chunk
        const due = arg.chunk.length === 0
        arg.chunk = due
          ? ((kong.ctx.plugin.held as Buffer | undefined) ?? Buffer.from('nothing yet'))
          : Buffer.alloc(0)
        arg.eof = due
      },
    })
    const { url } = await running(upstream, module)
    expect(['held', 'nothing yet']).toContain(await (await fetch(url)).text())
  })

  it('lets a filter speak before the upstream has: with the headers as they are, which are filtered once', async () => {
    const spoken = gate()
    const upstream = await origin((_, response) => {
      void spoken.promise.then(() => response.writeHead(500, { 'x-late': '1' }).end('late'))
    })
    let filtered = 0
    const module = plugin('impatient', {
      access: (kong: Kong) => kong.response.flushAfter(1),
      headerFilter(kong: FilterKong) {
        filtered++
        kong.response.setHeader('x-filtered', 'yes')
      },
      bodyFilter(_: FilterKong, arg: BodyArg) {
        if (arg.chunk.length > 0 || arg.eof) return
        arg.chunk = Buffer.from('early ')
        spoken.open()
      },
    })
    const { url } = await running(upstream, module)
    const answer = await fetch(url)
    expect(answer.status).toBe(200)
    expect([answer.headers.get('x-filtered'), answer.headers.get('x-late')]).toEqual(['yes', null])
    expect(await answer.text()).toBe('early late')
    expect(filtered).toBe(1)
  })

  it('lets a filter exit before the upstream has answered, which is then left', async () => {
    const left = gate()
    const upstream = await origin((_, response) => void response.once('close', () => left.open()))
    const seen: string[] = []
    const module = plugin('impatient', {
      access: (kong: Kong) => kong.response.flushAfter(50),
      headerFilter: (kong: FilterKong) => void seen.push(kong.response.getSource()),
      bodyFilter(kong: FilterKong, arg: BodyArg) {
        if (arg.chunk.length === 0) kong.response.exit(504, 'too late')
      },
    })
    const { url } = await running(upstream, module)
    const answer = await fetch(url)
    expect([answer.status, await answer.text(), seen]).toEqual([504, 'too late', ['exit']])
    await left.promise
  })
})

describe('exits and failures', () => {
  it('ends access with an exit, which the filters see and the upstream does not', async () => {
    const sources: string[] = []
    const upstream = await hello()
    const module = plugin('guard', {
      access: (kong: Kong) => kong.response.exit(401, 'who?', { 'x-why': 'guard' }),
      headerFilter: (kong: FilterKong) => void sources.push(kong.response.getSource()),
      bodyFilter: upper,
    })
    const { url } = await running(upstream, module)
    const response = await fetch(url)
    expect(response.status).toBe(401)
    expect(response.headers.get('x-why')).toBe('guard')
    expect(await response.text()).toBe('WHO?')
    expect(sources).toEqual(['exit'])
    expect(upstream.requests).toEqual([])
  })

  it('answers 500 without a word of the reason where access throws', async () => {
    const module = plugin('broken', {
      access: () => {
        throw new Error('secret detail')
      },
    })
    const { url, problems } = await running(await hello(), module)
    const response = await fetch(url)
    expect(response.status).toBe(500)
    const body = await response.text()
    expect(JSON.parse(body)).toMatchObject({ message: 'An unexpected error occurred' })
    expect(body).not.toContain('secret')
    expect(problems.map(({ fields }) => fields)).toMatchObject([{ plugin: 'broken', phase: 'access' }])
  })

  it('ends only the one stream whose filter throws, before and after the commit', async () => {
    const module = plugin('broken', {
      bodyFilter(_: FilterKong, arg: BodyArg) {
        if (arg.chunk.toString().includes('throw')) throw new Error('secret detail')
      },
    })
    const goOn = gate()
    const upstream = await origin(({ url }, response) => {
      response.writeHead(200)
      if (url === '/late') {
        response.write('fine so far')
        void goOn.promise.then(() => response.end('throw'))
      } else {
        response.end('throw')
      }
    })
    const { url } = await running(upstream, module)
    const early = await fetch(`${url}/early`)
    expect(early.status).toBe(500)
    expect(await early.json()).toMatchObject({ message: 'An unexpected error occurred' })
    const late = await fetch(`${url}/late`)
    expect(late.status).toBe(200)
    goOn.open()
    await expect(late.text()).rejects.toThrow()
  })

  it('tells the filters that the upstream broke off, and lets them make an end of it', async () => {
    const upstream = await origin((_, response) => {
      response.writeHead(200).write('part', () => response.destroy())
    })
    const module = plugin('mender', {
      bodyFilter(_: FilterKong, arg: BodyArg) {
        if (arg.error === undefined) return
        delete arg.error
        arg.chunk = Buffer.from(' [cut]')
      },
    })
    const { url } = await running(upstream, module)
    expect(await (await fetch(url)).text()).toBe('part [cut]')
  })

  it('breaks the answer off where no filter made an end of it, after all that came', async () => {
    const upstream = await origin((_, response) => {
      response.writeHead(200).write('part', () => response.destroy())
    })
    const { url } = await running(upstream, plugin('upper', { bodyFilter: upper }))
    const reader = (await fetch(url)).body!.getReader()
    expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe('PART')
    await expect(reader.read()).rejects.toThrow()
  })
})

describe('attempts', () => {
  const to = (upstream: Origin, path: string): UpstreamRequest => ({
    scheme: 'http',
    host: '127.0.0.1',
    port: upstream.port,
    method: 'POST',
    path,
    rawQuery: '',
    headers: { 'content-type': 'text/plain' },
    body: `body of ${path}`,
    timeouts: { connect: 1000, headers: 1000, idle: 1000 },
    tlsVerify: true,
  })

  it('sends only what the request names, once it is set whole', async () => {
    const upstream = await origin()
    const module = plugin('sets', {
      access: (kong: Kong) => kong.service.setRequest(to(upstream, '/set?')),
    })
    const { url } = await running(upstream, module)
    await fetch(url, { headers: { authorization: 'Bearer mine', cookie: 'a=b', 'x-other': '1' } })
    const { rawHeaders, body } = upstream.requests[0]!
    expect(
      rawHeaders
        .filter((_, i) => i % 2 === 0)
        .map((name) => name.toLowerCase())
        .sort(),
    ).toEqual(['connection', 'content-length', 'content-type', 'host'])
    expect(body.toString()).toBe('body of /set?')
  })

  it('goes on to the next where one failed before anything reached the client', async () => {
    const upstream = await origin(({ url }, response) => {
      if (url === '/cut') response.destroy()
      else response.writeHead(url === '/busy' ? 529 : 200).end(`answer of ${url}`)
    })
    const failures: string[] = []
    const module = plugin('tries', {
      async access(kong: Kong) {
        const rest = ['/busy', '/fine']
        await kong.service.setRequest(to(upstream, '/cut'))
        await kong.service.setAttempts((failure) => {
          failures.push(failure.kind)
          const next = rest.shift()
          return next === undefined ? null : to(upstream, next)
        })
      },
      headerFilter(kong: FilterKong) {
        if (kong.response.getStatus() !== 529) return
        kong.service.failAttempt({ kind: 'rejected', message: 'overloaded', status: 529 })
      },
      bodyFilter: upper,
    })
    const { url } = await running(upstream, module)
    const response = await fetch(url)
    expect(response.status).toBe(200)
    expect(await response.text()).toBe('ANSWER OF /FINE')
    expect(failures).toEqual(['closed', 'rejected'])
  })

  it("answers the plugin's own exit where no attempt is left, else as Kong", async () => {
    const closed = await hello()
    await closed.close()
    const exits = plugin('exits', {
      async access(kong: Kong) {
        await kong.service.setRequest(to(closed, '/'))
        await kong.service.setAttempts(() => {
          void kong.response.exit(502, { error: 'all failed' })
          return null
        })
      },
    })
    const own = await running(await hello(), exits)
    expect(await (await fetch(own.url)).json()).toEqual({ error: 'all failed' })
    const plain = plugin('plain', { access: (kong: Kong) => kong.service.setRequest(to(closed, '/')) })
    const kongs = await running(await hello(), plain)
    const response = await fetch(kongs.url)
    expect(response.status).toBe(502)
    expect(await response.json()).toMatchObject({
      message: expect.stringContaining('invalid response') as string,
    })
  })

  it('runs authorize over the finished request, once an attempt', async () => {
    const upstream = await origin()
    const module = plugin('signs', {
      access: (kong: Kong) =>
        kong.service.setRequest({
          ...to(upstream, '/'),
          authorize: async (request) => {
            request.headers['authorization'] = `signed ${request.method} ${String(request.body).length}`
          },
        }),
    })
    const { url } = await running(upstream, module)
    await fetch(url)
    expect(upstream.requests[0]!.headers.authorization).toBe('signed POST 9')
  })
})

describe('bodies', () => {
  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['deflate', deflateRawSync],
    ['br', brotliCompressSync],
  ] as const)('gives the filters a %s body decoded', async (encoding, encode) => {
    const packed = encode(Buffer.from('hello '.repeat(1000)))
    const upstream = await origin((_, response) => {
      response.writeHead(200, { 'content-encoding': encoding, 'content-length': packed.length })
      response.end(packed)
    })
    const { url } = await running(upstream, plugin('upper', { bodyFilter: upper }))
    const response = await fetch(url)
    expect(response.headers.has('content-encoding')).toBe(false)
    expect(await response.text()).toBe('HELLO '.repeat(1000))
  })

  it('answers 502 for an encoding that it cannot undo, and breaks off where one turns out wrong', async () => {
    const upstream = await origin(({ url }, response) => {
      const encoding = url === '/unknown' ? 'compress' : 'gzip'
      response.writeHead(200, { 'content-encoding': encoding })
      response.end(url === '/half' ? gzipSync('cut off in the middle').subarray(0, 24) : 'not gzip at all')
    })
    const { url } = await running(upstream, plugin('upper', { bodyFilter: upper }))
    for (const path of ['/unknown', '/wrong']) expect((await fetch(url + path)).status).toBe(502)
    const half = await fetch(`${url}/half`).then(
      (response) => response.text().catch(() => 'broken'),
      () => 'broken',
    )
    expect(half).not.toContain('CUT OFF IN THE MIDDLE')
  })

  it('stops reading from the upstream while the client does not read', async () => {
    const piece = Buffer.alloc(1024 * 1024, 'x')
    let written = 0
    const blocked = gate()
    const upstream = await origin((_, response) => {
      void (async () => {
        response.writeHead(200)
        for (; written < 128; written++) {
          if (response.write(piece)) continue
          const drained = once(response, 'drain')
          const stuck = setTimeout(() => blocked.open(), 1000)
          await drained
          clearTimeout(stuck)
        }
        response.end()
      })()
    })
    const { url } = await running(upstream, plugin('upper', { bodyFilter: upper }))
    const response = await new Promise<http.IncomingMessage>((resolve) => http.get(url, resolve))
    await blocked.promise
    expect(written).toBeLessThan(64)
    let size = 0
    for await (const bytes of response) size += (bytes as Buffer).length
    expect(size).toBe(128 * piece.length)
  })

  it('collects the whole answer for a plugin with a response phase', async () => {
    const module = plugin('transform', {
      async response(kong: Kong) {
        const body = await kong.service.response.getRawBody()
        await kong.response.exit(await kong.response.getStatus(), `was: ${body.toString()}`)
      },
    })
    const { url } = await running(await hello(), module)
    expect(await (await fetch(url)).text()).toBe('was: hello')
  })

  it('keeps the answer as it is where the response phase changes nothing of it', async () => {
    const module = plugin('looks', {
      response: (kong: Kong) => kong.response.setHeader('x-looked', '1'),
    })
    const { url } = await running(await hello(), module)
    const response = await fetch(url)
    expect(response.headers.get('x-looked')).toBe('1')
    expect(await response.text()).toBe('hello')
  })
})

describe('headers of the answer', () => {
  it('keeps what access has set over what the upstream says', async () => {
    const module = plugin('sets', {
      async access(kong: Kong) {
        await kong.response.setHeader('x-mine', 'a')
        await kong.response.setHeader('content-type', 'text/mine')
      },
    })
    const { url } = await running(await hello(), module)
    const response = await fetch(url)
    expect(response.headers.get('x-mine')).toBe('a')
    expect(response.headers.get('content-type')).toBe('text/mine')
  })
})

describe('the log phase', () => {
  it('runs once, with an entry in the shape of Kong, credentials redacted', async () => {
    const entry = gate<Record<string, Record<string, unknown>>>()
    const module = plugin('logs', {
      async access(kong: Kong) {
        await kong.log.setSerializeValue('ai.proxy.meta', { provider_name: 'p' })
      },
      async log(kong: Kong) {
        entry.open(JSON.parse(await kong.log.serialize()) as never)
      },
    })
    const { url } = await running(await hello(), module)
    await fetch(`${url}/p?q=1`, { headers: { authorization: 'Bearer secret' } })
    const logged = await entry.promise
    expect(logged.request).toMatchObject({ method: 'GET', uri: '/p?q=1', querystring: { q: '1' } })
    expect(logged.request!.headers).toMatchObject({ authorization: 'REDACTED' })
    expect(logged.response).toMatchObject({ status: 200, size: 5 })
    expect(logged.route).toMatchObject({ name: 'r' })
    expect(logged.ai).toEqual({ proxy: { meta: { provider_name: 'p' } } })
    expect(JSON.stringify(logged)).not.toContain('secret')
  })

  it('runs when the client has gone in the middle of the answer', async () => {
    const logged = gate()
    const upstream = await origin((_, response) => response.writeHead(200).write('the beginning'))
    const module = plugin('logs', { bodyFilter: upper, log: () => logged.open() })
    const { url } = await running(upstream, module)
    const abort = new AbortController()
    const response = await fetch(url, { signal: abort.signal })
    await response.body!.getReader().read()
    abort.abort()
    await logged.promise
  })
})
