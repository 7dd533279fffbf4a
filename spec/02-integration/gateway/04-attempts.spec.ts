import type { ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { AttemptFailure, UpstreamRequest } from '../../../lib/pdk/exchange.js'
import type { FilterKong, Kong } from '../../../lib/pdk/kong.js'
import type { BodyArg, Plugin } from '../../../lib/pdk/plugin.js'
import { MAX_COLLECTED_BYTES } from '../../../lib/runtime/collected-body.js'
import { phases } from '../../support/ai-gateway.js'
import { closing } from '../../support/closing.js'
import { gate, origin, type Origin } from '../../support/origin.js'
import { until } from '../../support/plugin-server.js'
import { testGateway } from '../../support/gateway.js'

/** A gateway whose one route has the plugin. */
async function running(plugin: Plugin) {
  const module = phases('attempts', plugin)
  const routes = [{ paths: ['/'], plugins: [{ name: module.Name }] }]
  const services = [{ name: 's', url: 'http://localhost:1', routes }]
  return closing(await testGateway(JSON.stringify({ _format_version: '3.0', services }), [module]))
}

const to = ({ port }: Origin, path: string): UpstreamRequest => ({
  scheme: 'http',
  host: '127.0.0.1',
  port,
  method: 'GET',
  path,
  rawQuery: '',
  headers: {},
  body: undefined,
  timeouts: { connect: 1000, headers: 1000, idle: 1000 },
  tlsVerify: true,
})

/** An upstream that says its path, and breaks off behind it unless it is `/end`. */
async function breaking() {
  return closing(
    await origin(({ url }, response) => {
      response.writeHead(url === '/end' ? 299 : 200, { 'x-path': url })
      if (url === '/end') response.end(url)
      else response.write(url, () => response.destroy())
    }),
  )
}

/** Goes through the paths; gives an attempt up where its answer breaks off. */
function going(upstream: Origin, paths: string[], options?: { afterCommit?: boolean }): Plugin {
  return {
    async access(kong: Kong) {
      await kong.service.setRequest(to(upstream, paths.shift()!))
      await kong.service.setAttempts(() => {
        const path = paths.shift()
        return path === undefined ? null : to(upstream, path)
      }, options)
    },
    bodyFilter(kong: FilterKong, arg: BodyArg) {
      if (arg.error && paths.length > 0) kong.service.failAttempt(arg.error)
    },
  }
}

describe('an attempt that fails after its answer has begun', () => {
  it('is the last, unless attempts may go on then', async () => {
    const upstream = await breaking()
    const { url, problems } = await running(going(upstream, ['/a', '/end']))
    await expect(fetch(url).then((response) => response.text())).rejects.toThrow()
    expect(upstream.requests.map((request) => request.url)).toEqual(['/a'])
    expect(problems.map(({ fields }) => String(fields.err))).toEqual([
      expect.stringContaining('headers have already been sent'),
    ])
  })

  it('is followed by the next where they may: one answer with the status and headers of the first', async () => {
    const upstream = await breaking()
    const { url, problems } = await running(going(upstream, ['/a', '/b', '/end'], { afterCommit: true }))
    const response = await fetch(url)
    expect([response.status, response.headers.get('x-path')]).toEqual([200, '/a'])
    expect(await response.text()).toBe('/a/b/end')
    expect(problems).toEqual([])
  })

  it('breaks the answer off where there is no other', async () => {
    const upstream = await breaking()
    const { url } = await running(going(upstream, ['/a', '/b'], { afterCommit: true }))
    await expect(fetch(url).then((response) => response.text())).rejects.toThrow()
    expect(upstream.requests.map((request) => request.url)).toEqual(['/a', '/b'])
  })

  it('tells the filters of one that finds no upstream, so that they can make an end', async () => {
    const upstream = await breaking()
    const nowhere = await origin()
    await nowhere.close()
    const kinds: AttemptFailure['kind'][] = []
    const { url } = await running({
      async access(kong: Kong) {
        await kong.service.setRequest(to(upstream, '/a'))
        const rest = [to(nowhere, '/b')]
        await kong.service.setAttempts(() => rest.shift() ?? null, { afterCommit: true })
      },
      bodyFilter(kong: FilterKong, arg: BodyArg) {
        if (!arg.error) return
        kinds.push(arg.error.kind)
        if (kinds.length === 1) {
          kong.service.failAttempt(arg.error)
        } else {
          arg.chunk = Buffer.from('(the end)')
          delete arg.error
        }
      },
    })
    expect(await (await fetch(url)).text()).toBe('/a(the end)')
    expect(kinds).toEqual(['closed', 'connect'])
  })
})

describe('an attempt that a filter gives up while it is being authorized', () => {
  it('is not sent, however long the next one takes to be made', async () => {
    const upstream = await breaking()
    const authorized = gate()
    const { url } = await running({
      async access(kong: Kong) {
        await kong.service.setRequest({ ...to(upstream, '/late'), authorize: () => authorized.promise })
        await kong.service.setAttempts(async () => {
          authorized.open()
          await sleep(50)
          return to(upstream, '/end')
        })
        await kong.response.flushAfter(1)
      },
      bodyFilter(kong: FilterKong, arg: BodyArg) {
        if (arg.chunk.length === 0 && !arg.eof) kong.service.failAttempt({ kind: 'timeout', message: 'slow' })
      },
    })
    expect(await (await fetch(url)).text()).toBe('/end')
    expect(upstream.requests.map((request) => request.url)).toEqual(['/end'])
  })
})

describe('an attempt that cannot be authorized', () => {
  it('leaves the failure of the one before it as it was', async () => {
    const upstream = await breaking()
    const logged = gate<unknown>()
    const { url } = await running({
      async access(kong: Kong) {
        await kong.service.setRequest({ ...to(upstream, '/'), port: 1 })
        const rest = [{ ...to(upstream, '/end'), authorize: () => Promise.reject(new Error('no token')) }]
        await kong.service.setAttempts(() => rest.shift() ?? null)
      },
      async log(kong: Kong) {
        logged.open(await kong.log.serialize())
      },
    })
    expect((await fetch(url)).status).toBe(502)
    const tries = [{ failure: 'connect' }]
    expect(JSON.parse(String(await logged.promise))).toMatchObject({ tries })
  })
})

describe('an answer that breaks off', () => {
  it('runs no filter any more, though its client has yet to take what there was', async () => {
    const upstream = closing(await origin((_, response) => void response.write(Buffer.alloc(16_000_000))))
    const runs: string[] = []
    const { url } = await running({
      access: (kong: Kong) => kong.service.setRequest(to(upstream, '/')),
      bodyFilter(kong: FilterKong, arg: BodyArg) {
        runs.push(arg.chunk.length > 0 ? 'read' : 'flush')
        kong.response.flushAfter(100)
        if (arg.chunk.length === 0) throw new Error('a fault')
      },
    })
    const response = await fetch(url)
    await until(() => runs.includes('flush'))
    await sleep(300)
    expect(runs.filter((run) => run === 'flush')).toHaveLength(1)
    await expect(response.text()).rejects.toThrow()
  })
})

describe('a flush between two attempts', () => {
  it('gives no attempt up', async () => {
    const upstream = await breaking()
    let made = 0
    const { url } = await running({
      async access(kong: Kong) {
        await kong.service.setRequest({ ...to(upstream, '/'), host: '' })
        await kong.service.setAttempts(async () => {
          await kong.response.flushAfter(1)
          await sleep(50)
          return ++made === 1 ? to(upstream, '/end') : null
        })
      },
      bodyFilter(kong: FilterKong, arg: BodyArg) {
        if (arg.chunk.length === 0 && !arg.eof) kong.service.failAttempt({ kind: 'timeout', message: 'slow' })
      },
    })
    expect(await (await fetch(url)).text()).toBe('/end')
    expect(made).toBe(1)
  })

  it('may commit the answer, and the next attempt goes out all the same', async () => {
    const upstream = await breaking()
    const said = gate()
    const { url } = await running({
      async access(kong: Kong) {
        await kong.service.setRequest({ ...to(upstream, '/'), host: '' })
        await kong.service.setAttempts(async () => {
          await kong.response.flushAfter(1)
          await said.promise
          // Its calls are still those of the access phase.
          await kong.service.setTlsVerify(true)
          return to(upstream, '/end')
        })
      },
      bodyFilter(_: FilterKong, arg: BodyArg) {
        if (upstream.requests.length > 0 || arg.eof) return
        arg.chunk = Buffer.from('(wait)')
        said.open()
      },
    })
    const response = await fetch(url)
    expect(response.status).toBe(200)
    expect(await response.text()).toBe('(wait)/end')
  })
})

describe('an answer that a filter ends early', () => {
  async function endedEarly(abort: boolean) {
    const turn = gate<ServerResponse>()
    const closed = gate<boolean>()
    const upstream = closing(
      await origin((_, response) => {
        response.once('close', () => closed.open(response.writableFinished))
        response.write('first')
        turn.open(response)
      }),
    )
    const { url } = await running({
      access: (kong: Kong) => kong.service.setRequest(to(upstream, '/')),
      bodyFilter(_: FilterKong, arg: BodyArg) {
        arg.eof = true
        arg.abort = abort
      },
    })
    expect(await (await fetch(url)).text()).toBe('first')
    return { upstream: await turn.promise, wasWhole: closed.promise }
  }

  it('is read to its end, if that is soon, to keep the connection', async () => {
    const { upstream, wasWhole } = await endedEarly(false)
    upstream.end('rest')
    expect(await wasWhole).toBe(true)
  })

  it('is let go where the filter says so', async () => {
    const { wasWhole } = await endedEarly(true)
    expect(await wasWhole).toBe(false)
  })
})

describe('an answer that is collected', () => {
  it('is a 502 where it is more than there is room for, and its upstream is let go', async () => {
    const ended = gate()
    const piece = Buffer.alloc(1024 * 1024, 'x')
    let sent = 0
    const upstream = closing(
      await origin((_, response) => {
        response.once('close', ended.open)
        const more = () => {
          while (!response.destroyed && sent < 2 * MAX_COLLECTED_BYTES) {
            sent += piece.length
            if (!response.write(piece)) break
          }
        }
        response.on('drain', more)
        more()
      }),
    )
    const { url } = await running({
      access: (kong: Kong) => kong.service.setRequest(to(upstream, '/')),
      response: () => Promise.reject(new Error('never whole')),
    })
    expect((await fetch(url)).status).toBe(502)
    await ended.promise
    expect(sent).toBeLessThan(2 * MAX_COLLECTED_BYTES)
  })
})
