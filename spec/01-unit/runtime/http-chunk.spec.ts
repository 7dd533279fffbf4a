import * as fc from 'fast-check'
import { createServer, connect, type AddressInfo, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { chunkOf, writeChunk } from '../../../lib/runtime/http-chunk.js'

/** A connection whose system takes what it is given at once, or when `accept` is called: until then the memory is read from. */
class Wire extends Duplex {
  isFast = true
  readonly #taken: Buffer[] = []
  #waiting: { piece: Buffer; taken: () => void } | undefined

  override _read(): void {}

  override _write(piece: Buffer, _encoding: string, taken: () => void): void {
    this.#waiting = { piece, taken }
    if (this.isFast) this.accept()
  }

  accept(): void {
    const waiting = this.#waiting
    if (!waiting) return
    this.#waiting = undefined
    this.#taken.push(Buffer.from(waiting.piece))
    waiting.taken()
  }

  get pieces(): number {
    return this.#taken.length
  }

  get text(): string {
    return Buffer.concat(this.#taken).toString('latin1')
  }
}

function wire(): Wire & Socket {
  return new Wire() as Wire & Socket
}

function framed(bytes: Buffer): string {
  return `${bytes.length.toString(16)}\r\n${bytes.toString('latin1')}\r\n`
}

const bytes = fc
  .tuple(fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 20_000 })), fc.nat(255))
  .map(([length, byte]) => Buffer.alloc(length, byte))

describe('a chunk', () => {
  it('has its size, its bytes and a line end', () => {
    fc.assert(
      fc.property(bytes, (one) => {
        expect(chunkOf(one).toString('latin1')).toBe(framed(one))
      }),
    )
  })

  it('is one piece', () => {
    const sent = wire()
    writeChunk(sent, Buffer.from('data: 1\n\n'))
    expect(sent.pieces).toBe(1)
    expect(sent.text).toBe('9\r\ndata: 1\n\n\r\n')
  })

  it('stays what it was while it waits for a slow client, whatever is written elsewhere', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(bytes, fc.boolean(), fc.constantFrom('write', 'slow', 'fast')), { maxLength: 40 }),
        (steps) => {
          const wires = [wire(), wire()]
          const expected = ['', '']
          for (const [one, which, step] of steps) {
            const to = wires[Number(which)]!
            if (step === 'write') {
              writeChunk(to, one)
              expected[Number(which)] += framed(one)
            } else {
              to.isFast = step === 'fast'
              to.accept()
            }
          }
          for (const to of wires) {
            to.isFast = true
            to.accept()
            expect(to.writableLength).toBe(0)
          }
          expect(wires.map(({ text }) => text)).toEqual(expected)
        },
      ),
    )
  })

  it('takes no memory where the client is fast', () => {
    const sent = new Duplex({ read() {}, write: (_piece, _encoding, taken) => taken() }) as Socket
    const frame = Buffer.alloc(250, 'a')
    const before = process.memoryUsage().arrayBuffers
    for (let i = 0; i < 4000; i++) writeChunk(sent, frame)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan((4000 * frame.length) / 8)
  })

  it('takes no more than its bytes where the client is slow', () => {
    const sent = wire()
    sent.isFast = false
    const frame = Buffer.alloc(250, 'a')
    const before = process.memoryUsage().arrayBuffers
    for (let i = 0; i < 4000; i++) writeChunk(sent, frame)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4000 * frame.length * 2)
  })

  it('arrives whole by a connection whose other side reads late', async () => {
    const chunks = Array.from({ length: 3000 }, (_, i) => Buffer.alloc(700 + (i % 3500), 97 + (i % 26)))
    let received = ''
    const done = new Promise<void>((resolve) => {
      const server = createServer((socket) => {
        for (const chunk of chunks) writeChunk(socket, chunk)
        socket.end()
        server.close()
      }).listen(0, '127.0.0.1', () => {
        const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
        client.pause()
        setTimeout(() => client.resume(), 50)
        client.setEncoding('latin1').on('data', (text: string) => (received += text))
        client.on('end', resolve)
      })
    })
    await done
    expect(received === chunks.map(framed).join('')).toBe(true)
  })
})
