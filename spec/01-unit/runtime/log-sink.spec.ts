import { mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Writable } from 'node:stream'
import { setImmediate as tick } from 'node:timers/promises'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { type LogSink, logSink, StreamSink } from '../../../lib/runtime/log-sink.js'
import { origin, type OriginRequest } from '../../support/origin.js'
import { until } from '../../support/plugin-server.js'
import { silentLogger } from '../../support/silent-logger.js'

const json = JSON.stringify

const lines = (text: string | Buffer) =>
  text
    .toString()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown)

async function folder(): Promise<string> {
  const made = await mkdtemp(path.join(tmpdir(), 'kong-ai-'))
  onTestFinished(() => rm(made, { recursive: true }))
  return made
}

function sinkTo(target: string): LogSink {
  const sink = logSink(target, silentLogger)
  onTestFinished(() => sink.close())
  return sink
}

/** An endpoint that answers as the spec says. */
async function endpoint(answer: (request: OriginRequest, response: ServerResponse) => void) {
  const server = await origin(answer)
  onTestFinished(() => server.close())
  return server
}

describe('a log file', () => {
  it('gets one JSON line an entry, after what is there', async () => {
    const file = path.join(await folder(), 'log')
    for (const n of [1, 2]) {
      const sink = logSink(file, silentLogger)
      sink.write(json({ n, text: 'a\nb' }))
      await sink.close()
    }
    expect(lines(await readFile(file))).toEqual([
      { n: 1, text: 'a\nb' },
      { n: 2, text: 'a\nb' },
    ])
  })

  it('is opened anew after it was moved away, and nothing is lost on the way', async () => {
    const file = path.join(await folder(), 'log')
    const sink = logSink(file, silentLogger)
    sink.write(json({ n: 1 }))
    await until(() => sink.pending === 0)
    await rename(file, `${file}.1`)
    sink.write(json({ n: 2 }))
    sink.reopen()
    sink.write(json({ n: 3 }))
    await sink.close()
    await until(() => sink.pending === 0)
    expect(lines(await readFile(`${file}.1`))).toEqual([{ n: 1 }, { n: 2 }])
    expect(lines(await readFile(file))).toEqual([{ n: 3 }])
  })

  it('that cannot be opened loses its entries, counts them, and is tried again at reopen', async () => {
    const base = await folder()
    const sink = sinkTo(path.join(base, 'missing', 'log'))
    sink.write(json({ n: 1 }))
    await until(() => sink.dropped === 1)
    sink.write(json({ n: 2 }))
    expect(sink.dropped).toBe(2)
  })
})

describe('a stream', () => {
  it('gets the lines of some milliseconds in one write, also those that came during a write', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const written: string[] = []
    let wrote = () => {}
    const slow = new Writable({
      write(chunk: Buffer, _encoding, done) {
        written.push(chunk.toString())
        wrote = done
      },
    })
    const sink = new StreamSink(slow, silentLogger)
    sink.write('1')
    sink.write('2')
    vi.advanceTimersByTime(20)
    expect(written).toEqual(['1\n2\n'])
    sink.write('3')
    vi.advanceTimersByTime(20)
    wrote()
    await tick()
    sink.write('4')
    expect(written).toHaveLength(1)
    vi.advanceTimersByTime(20)
    expect(written).toEqual(['1\n2\n', '3\n4\n'])
  })

  it('that takes nothing holds a bounded amount back, then entries are dropped and counted', () => {
    const stuck = new Writable({ write() {} })
    const sink = new StreamSink(stuck, silentLogger)
    const entry = json({ text: 'x'.repeat(1024 * 1024) })
    for (let n = 0; n < 10; n++) sink.write(entry)
    expect(sink.dropped).toBe(6)
    expect(stuck.writableLength).toBeLessThan(6 * 1024 * 1024)
  })

  it('that fails loses what it had, and does not end the process', async () => {
    const failing = new Writable({ write: (_chunk, _encoding, done) => done(new Error('EPIPE')) })
    const sink = new StreamSink(failing, silentLogger)
    sink.write(json({ n: 1 }))
    await until(() => sink.dropped === 1)
    sink.write(json({ n: 2 }))
    expect(sink.dropped).toBe(2)
    await sink.close()
  })
})

describe('an HTTP endpoint', () => {
  it('gets the lines that came while it was busy in one POST', async () => {
    const held: ServerResponse[] = []
    const server = await endpoint((_request, response) => void held.push(response))
    const sink = sinkTo(`${server.url}/logs`)
    sink.write(json({ n: 1 }))
    await until(() => held.length === 1)
    for (const n of [2, 3, 4]) sink.write(json({ n }))
    held[0]!.end()
    await until(() => held.length === 2)
    held[1]!.end()
    const [first, second] = server.requests
    expect([first!.method, first!.url, first!.headers['content-type']]).toEqual([
      'POST',
      '/logs',
      'application/x-ndjson',
    ])
    expect([first!, second!].map(({ body }) => lines(body))).toEqual([
      [{ n: 1 }],
      [{ n: 2 }, { n: 3 }, { n: 4 }],
    ])
    await sink.close()
    expect(sink.dropped).toBe(0)
  })

  it('that refuses loses the batch, which is counted, and gets the next one', async () => {
    let status = 503
    const server = await endpoint((_request, response) => {
      response.statusCode = status
      response.end()
    })
    const sink = sinkTo(server.url)
    sink.write(json({ n: 1 }))
    await until(() => sink.dropped === 1)
    status = 200
    sink.write(json({ n: 2 }))
    await until(() => sink.pending === 0)
    expect([server.requests.length, sink.dropped]).toEqual([2, 1])
  })

  it('that nobody listens on loses what is written', async () => {
    const server = await origin()
    await server.close()
    const sink = sinkTo(server.url)
    sink.write(json({ n: 1 }))
    await until(() => sink.dropped === 1)
  })

  it('that hangs holds a bounded amount back, and is not waited for at the end', async () => {
    const server = await endpoint(() => {})
    const sink = logSink(server.url, silentLogger)
    const entry = json({ text: 'x'.repeat(1024 * 1024) })
    for (let n = 0; n < 10; n++) sink.write(entry)
    expect(sink.dropped).toBe(7)
    await sink.close()
    expect(sink.dropped).toBe(10)
    sink.write(entry)
    expect(sink.dropped).toBe(11)
  })
})
