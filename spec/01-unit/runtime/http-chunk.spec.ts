import * as fc from 'fast-check'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Duplex } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { chunkOf, writeChunk } from '../../../lib/runtime/http-chunk.js'
import { collectGarbage } from '../../support/garbage-collection.js'
import { Wire } from '../../support/wire.js'

function wire(): Wire & Socket {
  return new Wire() as Wire & Socket
}

function framed(bytes: Buffer): string {
  return `${bytes.length.toString(16)}\r\n${bytes.toString('latin1')}\r\n`
}

const bytes = fc
  .tuple(
    fc.oneof(
      fc.integer({ min: 1, max: 300 }),
      fc.integer({ min: 1, max: 20_000 }),
      // Around the longest that is put together in the common place.
      fc.integer({ min: 4070, max: 4110 }),
      fc.constantFrom(15, 16, 255, 256, 65_535, 65_536),
    ),
    fc.nat(255),
  )
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

  it('takes no memory where the client is fast', async () => {
    const sent = new Duplex({ read() {}, write: (_piece, _encoding, taken) => taken() }) as Socket
    const frame = Buffer.alloc(250, 'a')
    await collectGarbage()
    const before = process.memoryUsage().arrayBuffers
    for (let i = 0; i < 4000; i++) writeChunk(sent, frame)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan((4000 * frame.length) / 8)
  })

  it('takes no more than its bytes where the client is slow', async () => {
    const sent = wire()
    sent.isFast = false
    const frame = Buffer.alloc(250, 'a')
    await collectGarbage()
    const before = process.memoryUsage().arrayBuffers
    for (let i = 0; i < 4000; i++) writeChunk(sent, frame)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4000 * frame.length * 2)
  })

  it('arrives whole at each of several clients that read late', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'kong-ai-'))
    const server = createServer((socket) => void writeAll(socket, clients++)).listen(
      path.join(folder, 'socket'),
    )
    let clients = 0
    await once(server, 'listening')
    const received = await Promise.all(Array.from({ length: 8 }, () => readLate(path.join(folder, 'socket'))))
    server.close()
    await rm(folder, { recursive: true })
    expect(received.toSorted()).toEqual(received.map((_, client) => allOf(client)).toSorted())
  })
})

const CHUNKS = 2000

function chunkFor(client: number, place: number): Buffer {
  return Buffer.alloc(300 + ((client * 97 + place * 31) % 900), 97 + client)
}

/** What a client is to receive, as a digest. */
function allOf(client: number): string {
  const hash = createHash('sha256')
  for (let place = 0; place < CHUNKS; place++) hash.update(framed(chunkFor(client, place)), 'latin1')
  return hash.digest('hex')
}

/** As much as goes: while one waits for its client, the others write. */
async function writeAll(socket: Socket, client: number): Promise<void> {
  for (let place = 0; place < CHUNKS; place++) {
    if (!writeChunk(socket, chunkFor(client, place))) await once(socket, 'drain')
  }
  socket.end()
}

async function readLate(address: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const bytes of connect(address)) {
    hash.update(bytes as Buffer)
    await setImmediate()
  }
  return hash.digest('hex')
}
