import { execFile } from 'node:child_process'
import { once } from 'node:events'
import net, { type AddressInfo, type Socket } from 'node:net'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { closing } from '../../support/closing.js'
import { gate } from '../../support/origin.js'
import { call, requestTo, upstreams } from '../../support/upstream.js'

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'

/** The server's side of a connection. */
class Side {
  text = ''
  closed = false
  readonly #waiting: (() => void)[] = []

  constructor(readonly socket: Socket) {
    socket.on('data', (bytes) => {
      this.text += bytes.toString('latin1')
      this.#look()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.closed = true
      this.#look()
    })
  }

  /** Resolves once so many requests without bodies have come. */
  async requests(count: number): Promise<void> {
    await this.#until(() => this.text.split('\r\n\r\n').length > count)
  }

  async gone(): Promise<void> {
    await this.#until(() => this.closed)
  }

  write(text: string): void {
    this.socket.write(text, 'latin1')
  }

  async #until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  #look(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}

interface Server {
  url: string
  sides: Side[]
}

/** A server that does what the spec says with each connection, by default nothing. */
async function server(onConnection: (side: Side, number: number) => void = () => {}): Promise<Server> {
  const sides: Side[] = []
  const listener = net.createServer((socket) => {
    const side = new Side(socket)
    sides.push(side)
    onConnection(side, sides.length)
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  closing({
    close: async () => {
      for (const { socket } of sides) socket.destroy()
      await new Promise((resolve) => listener.close(resolve))
    },
  })
  return { url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}`, sides }
}

/** Answers each request, the last one given ever after. */
function answering(...answers: string[]) {
  return (side: Side) => {
    const left = [...answers]
    side.socket.on('data', () => side.write(left.length > 1 ? left.shift()! : left[0]!))
  }
}

/** Lets what is under way on this machine's sockets arrive. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 30))
}

describe('an answer that nobody waits for any more', () => {
  it('is not asked for where its request has not been sent', async () => {
    const { url, sides } = await server((side) => void side.requests(1).then(() => side.write(OK)))
    const through = upstreams()
    const first = call(through, requestTo(url, { path: '/first' }))
    first.leg!.release()
    expect((await call(through, requestTo(url, { path: '/second' })).over).body).toBe('ok')
    expect(sides.map(({ text }) => text.split(' ')[1])).not.toContain('/first')
  })
})

describe('a connection', () => {
  it('is kept for the next request', async () => {
    const { url, sides } = await server(answering(OK))
    const through = upstreams()
    for (let i = 0; i < 5; i++) expect((await call(through, requestTo(url)).over).body).toBe('ok')
    expect(sides).toHaveLength(1)
  })

  it('is one for each request at a time, and afterwards the one that was used last', async () => {
    const { url, sides } = await server()
    const through = upstreams()
    const first = call(through, requestTo(url))
    const second = call(through, requestTo(url))
    while (sides.length < 2) await settled()
    for (const side of sides) await side.requests(1)
    sides[1]!.write(OK)
    sides[0]!.write(OK)
    await Promise.all([first.over, second.over])
    const last = sides[first.body === 'ok' ? 0 : 1]!
    const third = call(through, requestTo(url))
    await last.requests(2)
    last.write(OK)
    await third.over
    expect(sides).toHaveLength(2)
  })

  it.each([
    ['the server closes', 'HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok', 'GET'],
    ['the answer ends with it', 'HTTP/1.1 200 OK\r\n\r\nok', 'GET'],
    ['the server is old', 'HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok', 'GET'],
    [
      'the server closes within a second',
      'HTTP/1.1 200 OK\r\nkeep-alive: timeout=1\r\ncontent-length: 2\r\n\r\nok',
      'GET',
    ],
    ['something follows the answer', `${OK}HTTP/1.1 200 OK\r\n`, 'GET'],
    ['a body may follow a HEAD', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n', 'HEAD'],
  ])('is not kept where %s', async (_, answer, method) => {
    const { url, sides } = await server((side) =>
      side.socket.once('data', () =>
        answer.includes('length') ? side.write(answer) : side.socket.end(answer),
      ),
    )
    const through = upstreams()
    const { status, failure } = await call(through, requestTo(url, { method })).over
    expect({ status, failure }).toEqual({ status: 200, failure: undefined })
    await sides[0]!.gone()
    await call(through, requestTo(url, { method })).over
    expect(sides).toHaveLength(2)
  })

  it('is not used again where the server has closed it in the meantime', async () => {
    const { url, sides } = await server(answering(OK))
    const through = upstreams()
    await call(through, requestTo(url)).over
    // From here the next step of the event loop is to read: the end of the connection is there before a request can be written.
    await new Promise((resolve) => setImmediate(resolve))
    sides[0]!.socket.destroy()
    const { body } = await call(through, requestTo(url, { method: 'POST' }), 'x').over
    expect(body).toBe('ok')
    expect(sides).toHaveLength(2)
  })

  it('is closed where something comes that nobody asked for, and no request gets that for an answer', async () => {
    const { url, sides } = await server(answering(OK))
    const through = upstreams()
    await call(through, requestTo(url)).over
    sides[0]!.write('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil')
    await sides[0]!.gone()
    expect((await call(through, requestTo(url)).over).body).toBe('ok')
    expect(sides).toHaveLength(2)
  })

  it('is closed after a time without a request', async () => {
    const kept = 'HTTP/1.1 200 OK\r\nkeep-alive: timeout=3\r\ncontent-length: 2\r\n\r\nok'
    const { url, sides } = await server(answering(kept))
    await call(upstreams(), requestTo(url)).over
    await sides[0]!.gone()
    expect(sides).toHaveLength(1)
  })

  it('keeps no process alive that has nothing else to do', async () => {
    const { url } = await server(
      answering('HTTP/1.1 200 OK\r\nkeep-alive: timeout=600\r\ncontent-length: 2\r\n\r\nok'),
    )
    const script = `
      import { Upstreams } from '${new URL('../../../dist/lib/runtime/upstream.js', import.meta.url).href}'
      const request = ${JSON.stringify(requestTo(url))}
      const onEnd = () => console.log('answered')
      new Upstreams().send(request, null, { onHeaders() {}, onData() {}, onEnd, onFailure: console.log }, false)`
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script])
    expect(stdout).toBe('answered\n')
  })

  it('is another one for each server and port', async () => {
    const one = await server(answering(OK))
    const two = await server(answering(OK))
    const through = upstreams()
    for (const { url } of [one, two, one, two]) await call(through, requestTo(url)).over
    expect([one.sides.length, two.sides.length]).toEqual([1, 1])
  })

  it('is closed with all the others', async () => {
    const { url, sides } = await server(answering(OK, ''))
    const through = upstreams()
    await call(through, requestTo(url)).over
    const waiting = call(through, requestTo(url))
    await sides[0]!.requests(2)
    await through.close()
    expect((await waiting.over).failure).toMatchObject({ kind: 'closed' })
    await sides[0]!.gone()
    expect(sides).toHaveLength(1)
  })
})

describe('a kept connection that closes before any answer', () => {
  const KEYED = { 'idempotency-key': '1' }

  /** Answers the first request of a connection and closes it at the second. */
  async function crossing(more = '') {
    return await server((side, number) => {
      let count = 0
      side.socket.on('data', () => {
        if (number > 1 || count++ === 0) side.write(OK)
        else side.socket.end(more)
      })
    })
  }

  it.each([
    ['GET', {}, null],
    ['DELETE', {}, null],
    ['PUT', {}, 'x'],
    ['POST', KEYED, 'x'],
  ])('costs nothing what may be done twice: %s %j', async (method, headers, body) => {
    const { url, sides } = await crossing()
    const through = upstreams()
    await call(through, requestTo(url)).over
    expect((await call(through, requestTo(url, { method, headers }), body).over).body).toBe('ok')
    expect(sides).toHaveLength(2)
  })

  it.each(['POST', 'PATCH'])('is the end of what may not: %s', async (method) => {
    const { url, sides } = await crossing()
    const through = upstreams()
    await call(through, requestTo(url)).over
    const { failure } = await call(through, requestTo(url, { method }), 'x').over
    expect(failure).toEqual({ kind: 'closed', message: 'other side closed' })
    expect(sides).toHaveLength(1)
  })

  it('is the end of any request once a byte of an answer came', async () => {
    const { url, sides } = await crossing('H')
    const through = upstreams()
    await call(through, requestTo(url)).over
    expect((await call(through, requestTo(url)).over).failure).toMatchObject({ kind: 'closed' })
    expect(sides).toHaveLength(1)
  })

  it('is tried once, and a new connection not at all', async () => {
    const { url, sides } = await server((side, number) => {
      let count = 0
      side.socket.on('data', () => (number === 1 && count++ === 0 ? side.write(OK) : side.socket.end()))
    })
    const through = upstreams()
    await call(through, requestTo(url)).over
    expect((await call(through, requestTo(url)).over).failure).toMatchObject({ kind: 'closed' })
    expect(sides).toHaveLength(2)
    expect((await call(through, requestTo(url)).over).failure).toMatchObject({ kind: 'closed' })
    expect(sides).toHaveLength(3)
  })
})

describe('a leg', () => {
  const BEGUN = 'HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\nbegun'

  it('aborted closes its connection at once, at every stage, and its handler hears nothing more', async () => {
    const { url, sides } = await server()
    const through = upstreams()
    const connecting = call(through, requestTo(url))
    connecting.leg!.abort()
    const waiting = call(through, requestTo(url))
    while (sides.every(({ text }) => text === '')) await settled()
    const asked = sides.find(({ text }) => text !== '')!
    waiting.leg!.abort()
    await asked.gone()
    const answered = call(through, requestTo(url))
    while (sides.every(({ text, closed }) => closed || text === '')) await settled()
    const open = sides.find(({ text, closed }) => !closed && text !== '')!
    const { promise: seen, open: see } = gate()
    answered.onPiece = () => {
      answered.leg!.abort()
      see()
    }
    open.write(BEGUN)
    await seen
    await open.gone()
    await settled()
    for (const { ended, failure } of [connecting, waiting, answered]) {
      expect({ ended, failure }).toEqual({ ended: false, failure: undefined })
    }
  })

  it('released keeps the connection of an answer that ends soon', async () => {
    const { url, sides } = await server(answering('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nbegun', OK))
    const through = upstreams()
    const first = call(through, requestTo(url))
    const { promise: released, open } = gate()
    first.onPiece = () => {
      first.leg!.release()
      open()
    }
    await released
    sides[0]!.write('ended')
    await settled()
    expect((await call(through, requestTo(url)).over).body).toBe('ok')
    expect(sides).toHaveLength(1)
    expect({ body: first.body, ended: first.ended }).toEqual({ body: 'begun', ended: false })
  })

  it.each([
    ['is too long', 'x'.repeat(100_000)],
    ['does not end', ''],
  ])('released closes the connection of an answer whose rest %s', async (_, rest) => {
    const { url, sides } = await server(answering(BEGUN))
    const first = call(upstreams(), requestTo(url))
    first.onPiece = () => {
      first.leg!.release()
      sides[0]!.write(rest)
    }
    while (sides.length === 0) await settled()
    await sides[0]!.gone()
    expect({ body: first.body, ended: first.ended }).toEqual({ body: 'begun', ended: false })
  })

  it('paused reads nothing until it goes on', async () => {
    const { url, sides } = await server(answering('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nbegun'))
    const one = call(upstreams(), requestTo(url))
    const { promise: paused, open } = gate()
    one.onPiece = () => {
      one.leg!.pause()
      open()
    }
    await paused
    sides[0]!.write('ended')
    await settled()
    expect(one.body).toBe('begun')
    one.leg!.resume()
    expect((await one.over).body).toBe('begunended')
  })

  it('paused before its connection is there sends its request, and reads nothing until it goes on', async () => {
    const { url, sides } = await server(answering(OK))
    const one = call(upstreams(), requestTo(url))
    one.leg!.pause()
    while (sides.length === 0) await settled()
    await sides[0]!.requests(1)
    await settled()
    expect(one.status).toBeUndefined()
    one.leg!.resume()
    expect((await one.over).body).toBe('ok')
  })

  it('whose handler throws ends in a failure, and nothing else with it', async () => {
    const { url } = await server(answering(OK))
    const through = upstreams()
    const one = call(through, requestTo(url))
    one.onPiece = () => {
      throw new Error('a fault of ours')
    }
    expect((await one.over).failure).toEqual({ kind: 'closed', message: 'a fault of ours' })
    expect((await call(through, requestTo(url)).over).body).toBe('ok')
  })
})

describe('a time limit', () => {
  const limits = (changes: object) => ({ timeouts: { connect: 0, headers: 0, idle: 0, ...changes } })

  it('until the headers counts whole ones alone', async () => {
    const { url } = await server((side) => {
      side.write('HTTP/1.1 ')
      const timer = setInterval(() => side.write('2'), 5)
      side.socket.once('close', () => clearInterval(timer))
    })
    const { failure } = await call(upstreams(), requestTo(url, limits({ headers: 100 }))).over
    expect(failure).toEqual({ kind: 'timeout', message: 'Headers Timeout Error' })
  })

  it('until the headers ends in a failure', async () => {
    const { url, sides } = await server()
    const { failure } = await call(upstreams(), requestTo(url, limits({ headers: 30 }))).over
    expect(failure).toEqual({ kind: 'timeout', message: 'Headers Timeout Error' })
    await sides[0]!.gone()
    expect(sides).toHaveLength(1)
  })

  it('until the headers begins anew with an informational answer', async () => {
    const { url } = await server((side) => {
      let count = 0
      const timer = setInterval(() => {
        if (count++ < 20) side.write('HTTP/1.1 102 Processing\r\n\r\n')
        else side.write(OK)
      }, 25)
      side.socket.once('close', () => clearInterval(timer))
    })
    expect((await call(upstreams(), requestTo(url, limits({ headers: 400 }))).over).body).toBe('ok')
  })

  it('between two reads ends in a failure after what has come', async () => {
    const { url } = await server(answering('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nbegun'))
    const { body, failure } = await call(upstreams(), requestTo(url, limits({ idle: 30 }))).over
    expect({ body, failure }).toEqual({
      body: 'begun',
      failure: { kind: 'timeout', message: 'Body Timeout Error' },
    })
  })

  it('between two reads does not count while nobody wants to read', async () => {
    const { url, sides } = await server(answering('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nbegun'))
    const one = call(upstreams(), requestTo(url, limits({ idle: 400 })))
    const { promise: paused, open } = gate()
    one.onPiece = () => {
      one.leg!.pause()
      open()
    }
    await paused
    await new Promise((resolve) => setTimeout(resolve, 600))
    expect(one.failure).toBeUndefined()
    one.onPiece = () => {}
    one.leg!.resume()
    sides[0]!.write('ended')
    expect((await one.over).body).toBe('begunended')
  })

  it('of one request is none of the next on its connection', async () => {
    const { url, sides } = await server(answering(OK, ''))
    const through = upstreams()
    await call(through, requestTo(url, limits({ headers: 40, idle: 40 }))).over
    const next = call(through, requestTo(url))
    await sides[0]!.requests(2)
    await new Promise((resolve) => setTimeout(resolve, 120))
    sides[0]!.write(OK)
    expect((await next.over).body).toBe('ok')
  })
})

describe('no connection', () => {
  it.each([
    ['refused', { host: '127.0.0.1', port: 1 }, 'connect'],
    ['no such name', { host: 'no-such-host.invalid', port: 80 }, 'resolve'],
    ['no such port', { host: '127.0.0.1', port: 65_536 }, 'closed'],
    ['a request that is none', { path: '/a b' }, 'closed'],
  ])('is a failure that is told later: %s', async (_, changes, kind) => {
    const one = call(upstreams(), requestTo('http://127.0.0.1:1', changes))
    expect(one.failure).toBeUndefined()
    const { failure } = await one.over
    expect(failure).toMatchObject({ kind })
    expect(failure!.message).not.toBe('')
  })
})
