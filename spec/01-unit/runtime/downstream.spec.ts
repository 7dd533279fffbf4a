import http, { type ServerResponse } from 'node:http'
import { setImmediate as tick } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { Downstream } from '../../../lib/runtime/downstream.js'
import type { LiveExchange } from '../../../lib/runtime/exchange.js'
import { Wire } from '../../support/wire.js'

/** An answer under way, headers not sent. */
async function answer() {
  const wire = new Wire()
  const server = http.createServer()
  const asked = new Promise<ServerResponse>((resolve) =>
    server.on('request', (_message, out) => resolve(out)),
  )
  server.emit('connection', wire)
  wire.push('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
  const out = await asked
  const x = {
    id: 'a',
    request: { body: null },
    response: { status: 200, headers: {}, committed: false, source: 'service' },
    timings: {},
    bytesOut: 0,
  }
  const owner = {
    drained: 0,
    onDrain: () => owner.drained++,
    onClose: () => {},
  }
  const down = new Downstream(x as unknown as LiveExchange, out, true, owner)
  down.commit()
  return { wire, down, owner }
}

/** More than Node holds back without a word. */
const LARGE = Buffer.alloc(100_000, 'x')
const framed = `${LARGE.length.toString(16)}\r\n${LARGE.toString()}\r\n`

describe('a large piece of a body', () => {
  it('is with the system when it has been written, and not too much', async () => {
    const { wire, down } = await answer()
    for (let n = 1; n <= 3; n++) {
      expect(down.write(LARGE)).toBe(true)
      expect(wire.text.slice(wire.text.indexOf('\r\n\r\n') + 4)).toBe(framed.repeat(n))
    }
  })

  it('is too much where the system has not taken it, until it has', async () => {
    const { wire, down, owner } = await answer()
    wire.isFast = false
    for (let n = 1; n <= 3; n++) {
      expect(down.write(LARGE)).toBe(false)
      expect(down.write(Buffer.from('small'))).toBe(false)
      for (let turn = 0; turn < 10; turn++) {
        wire.accept()
        await tick()
      }
      expect(owner.drained).toBe(n)
    }
    expect(wire.text.match(/x{100000}\r\n5\r\nsmall\r\n/g)).toHaveLength(3)
  })
})
