import { describe, expect, it } from 'vitest'
import type { Kong } from '../../../lib/pdk/kong.js'
import type { Plugin } from '../../../lib/pdk/plugin.js'
import { hosted, startInstance, testServer, until, type TestServer } from '../../support/plugin-server.js'

const UNEXPECTED = '{"message":"An unexpected error occurred"}'

/** A server with one plugin that has these phases. */
function serverOf(phases: Plugin, options?: Parameters<typeof testServer>[1]): Promise<TestServer> {
  function Example(): void {}
  Object.assign(Example.prototype, phases)
  return testServer(hosted({ Plugin: Example as never }), options)
}

describe('a plugin behind Kong', () => {
  it('reads the request, changes it and lets it pass', async () => {
    const { kong, records } = await serverOf({
      async access(kong) {
        const name = await kong.request.getHeader('x-name')
        await kong.service.request.setHeader('x-greeting', `hello ${name}`)
      },
      async log(kong) {
        JSON.parse(await kong.log.serialize())
      },
    })
    const { from, upstream, roundTrips, errors } = await kong().request({ headers: { 'X-Name': 'Ann' } })
    expect(errors).toEqual([])
    expect(from).toBe('service')
    expect(upstream.headers['x-greeting']).toEqual(['hello Ann'])
    expect(roundTrips).toEqual({ access: 3, log: 2 })
    expect(records).toEqual([
      { plugin: 'example', phase: 'access', roundTrips: 3, outcome: 'returned' },
      { plugin: 'example', phase: 'log', roundTrips: 2, outcome: 'returned' },
    ])
  })

  it('runs rewrite, access, response and log by their names', async () => {
    const ran: string[] = []
    const note = (name: string) => () => void ran.push(name)
    const server = await serverOf({
      rewrite: note('rewrite'),
      access: note('access'),
      response: note('response'),
      log: note('log'),
    })
    await server.kong({ phases: ['rewrite', 'access', 'response', 'log'] }).request()
    expect(ran).toEqual(['rewrite', 'access', 'response', 'log'])
  })

  it('gets bodies as binary, of 3 MB too, and sends them back', async () => {
    const { kong } = await serverOf({
      async access(kong) {
        const body = (await kong.request.getRawBody(0)) as unknown as Buffer
        await kong.service.request.setRawBody(Buffer.concat([body, body]))
      },
    })
    const body = Buffer.alloc(3 * 1024 * 1024, 'ab\xff', 'latin1')
    const { upstream } = await kong().request({ method: 'POST', body })
    expect(upstream.body.equals(Buffer.concat([body, body]))).toBe(true)
  })

  it('has its calls made in order, those that it did not wait for before the phase ends', async () => {
    const { kong } = await serverOf({
      async access(kong) {
        void kong.log.info('first')
        const values = await Promise.all([kong.request.getHeader('x-a'), kong.request.getHeader('x-b')])
        void kong.log.info(values.join(''))
      },
    })
    const { calls } = await kong({ phases: ['access'] }).request({ headers: { 'x-a': '1', 'x-b': '2' } })
    expect(calls.map(({ args }) => args[0])).toEqual(['first', 'x-a', 'x-b', '12'])
  })

  it('gets values from a client that would break a map', async () => {
    const { kong } = await serverOf({
      async access(kong) {
        const query = await kong.request.getQuery()
        await kong.response.exit(200, JSON.stringify(Object.values(query)))
      },
    })
    const { status, body } = await kong().request({ path: '/?__proto__=1&constructor=2' })
    expect([status, body.toString()]).toEqual([200, '[["1"],["2"]]'])
  })
})

describe('kong.response.exit', () => {
  it('answers the client, and what the plugin says after it is not heard', async () => {
    const { kong, records, log } = await serverOf({
      async access(kong) {
        await kong.response.exit(403, 'no', { 'x-why': 'test' })
        void kong.log.info('after exit')
        throw new Error('after exit')
      },
    })
    const { status, headers, body, calls } = await kong({ phases: ['access'] }).request()
    expect([status, headers, body.toString()]).toEqual([403, { 'x-why': 'test' }, 'no'])
    expect(calls.map(({ method }) => method)).toEqual(['kong.response.exit'])
    await until(() => log.some(({ message }) => message === 'plugin failed'))
    expect(records).toEqual([{ plugin: 'example', phase: 'access', roundTrips: 1, outcome: 'exited' }])
  })

  it('comes after the calls that were made before it', async () => {
    const { kong } = await serverOf({
      access(kong) {
        void kong.log.info('before')
        void kong.response.exit(204)
      },
    })
    const { status, calls } = await kong({ phases: ['access'] }).request()
    expect(status).toBe(204)
    expect(calls.map(({ method }) => method)).toEqual(['kong.log.info', 'kong.response.exit'])
  })

  it('stops code that goes on to wait for a value, as under kong-pdk', async () => {
    let went = false
    const { kong, server } = await serverOf({
      async access(kong) {
        await kong.response.exit(401)
        await kong.request.getMethod()
        went = true
      },
    })
    expect((await kong({ phases: ['access'] }).request()).status).toBe(401)
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect([went, server.events]).toEqual([false, 0])
  })
})

describe('a plugin that fails', () => {
  const failing: Record<string, (kong: Kong) => unknown> = {
    'throws at once': () => {
      throw new Error('sk-secret')
    },
    'throws later': async (kong) => {
      await kong.request.getMethod()
      throw new TypeError('sk-secret')
    },
    'throws no error': () => Promise.reject('sk-secret'),
    'calls the PDK with what cannot be sent': (kong) => kong.log.info(() => 'sk-secret'),
  }
  for (const [name, access] of Object.entries(failing)) {
    it(`and ${name} answers 500 without a word about it`, async () => {
      const { kong, records, log } = await serverOf({ access: access as () => void })
      const { from, status, headers, body, errors } = await kong({ phases: ['access'] }).request()
      expect([from, status, body.toString()]).toEqual(['exit', 500, UNEXPECTED])
      expect(headers).toEqual({ 'content-type': 'application/json; charset=utf-8' })
      expect(errors).toEqual([])
      expect(records.map(({ outcome }) => outcome)).toEqual(['failed'])
      expect(log.filter(({ level }) => level === 'error')).toHaveLength(1)
    })
  }

  it('in log ends its event and leaves a line in the log', async () => {
    const { kong, records, log } = await serverOf({
      log() {
        throw new Error('log failed')
      },
    })
    const { errors, calls } = await kong({ phases: ['log'] }).request()
    expect([errors, calls]).toEqual([[], []])
    expect(records).toEqual([{ plugin: 'example', phase: 'log', roundTrips: 1, outcome: 'failed' }])
    expect(log.find(({ level }) => level === 'error')).toMatchObject({
      message: 'plugin failed',
      fields: { plugin: 'example', phase: 'log' },
    })
  })

  it('answers 500 in a phase that it does not have', async () => {
    const { kong } = await serverOf({})
    const { status, body } = await kong({ phases: ['access', 'log'] }).request()
    expect([status, body.toString()]).toEqual([500, UNEXPECTED])
  })

  it('keeps the server alive for the next request', async () => {
    const { kong } = await serverOf({
      async access(kong) {
        if ((await kong.request.getHeader('x-fail')) === '1') throw new Error('failed')
        await kong.response.exit(200)
      },
    })
    const double = kong()
    const statuses = []
    for (const fail of ['1', '0']) {
      statuses.push((await double.request({ headers: { 'x-fail': fail } })).status)
    }
    expect(statuses).toEqual([500, 200])
  })
})

describe('a handler in place of a phase', () => {
  it('runs with the instance of the plugin, and the plugin does not', async () => {
    class Example {
      constructor(readonly config: { message: string }) {}
      access() {
        throw new Error('must not run')
      }
    }
    const plugin = hosted(
      { Plugin: Example, Schema: [{ message: { type: 'string', default: 'hello' } }] },
      {
        async access(kong, instance) {
          await kong.response.exit(200, (instance.plugin as unknown as Example).config.message)
        },
      },
    )
    const { kong } = await testServer(plugin)
    expect((await kong().request()).body.toString()).toBe('hello')
  })
})

describe('instances under Kong', () => {
  it('are swapped at every reload, and the plugin of the same configuration stays', async () => {
    let built = 0
    class Example {
      constructor() {
        built++
      }
      async access(kong: Kong) {
        await kong.response.exit(200)
      }
    }
    const { kong } = await testServer(hosted({ Plugin: Example }))
    const double = kong()
    for (let i = 0; i < 5; i++) {
      expect((await double.request()).status).toBe(200)
      double.reload()
    }
    expect(built).toBe(1)
  })

  it('are started anew after a restart of the server, and the client notices nothing', async () => {
    const access = (kong: Kong) => kong.response.exit(200)
    const first = await serverOf({ access })
    const double = first.kong()
    await double.request()
    await first.server.close(0)
    await serverOf({ access }, { socket: first.socket })
    expect(await double.request()).toMatchObject({ status: 200, from: 'exit', errors: [] })
  })

  it('are shown without their secrets', async () => {
    class Example {
      access() {}
    }
    const auth = { type: 'record', fields: [{ key: { type: 'string', referenceable: true } }] }
    const schema = [
      { message: { type: 'string' } },
      { auth },
      { targets: { type: 'array', elements: { type: 'record', fields: [{ auth }] } } },
    ]
    const { connect } = await testServer(hosted({ Plugin: Example, Schema: schema }))
    const peer = await connect()
    const secret = { auth: { key: 'sk-secret' } }
    await startInstance(peer, 'example', { message: 'hi', ...secret, targets: [secret, secret], __seq__: 1 })
    peer.ask(2, 'GetStatus', null)
    const hidden = { auth: { key: 'REDACTED' } }
    expect(await peer.next()).toMatchObject({
      3: {
        Plugins: {
          example: { Instances: [{ Config: { message: 'hi', ...hidden, targets: [hidden, hidden] } }] },
        },
      },
    })
  })

  it('with a faulty config answer what an operator can act on', async () => {
    class Example {
      access() {}
    }
    const schema = [{ model: { type: 'string', required: true } }]
    const { kong } = await testServer(hosted({ Plugin: Example, Schema: schema }))
    const { status, errors } = await kong({ phases: ['access'] }).request()
    expect(status).toBe(500)
    expect(errors.join()).toContain('config of plugin "example" is invalid: model: required field missing')
  })
})
