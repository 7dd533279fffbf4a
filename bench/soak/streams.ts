import net, { type Socket } from 'node:net'
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { configOf, startGateway } from './child.js'

export interface StreamMemory {
  streams: number
  /** Of the gateway's process, a stream. Bytes. */
  heap: number
  rss: number
}

const EVENT = (text: string) =>
  `data: {"choices":[{"index":0,"delta":{"content":"${text}"},"finish_reason":null}]}\n\n`
const BIG = EVENT('x'.repeat(16 * 1024))
const FLOOD_BYTES = 32 * 1024 * 1024

/**
 * Memory of streams that wait for their provider (`idle`) or for clients that do not read (`slow`), through the path that passes
 * events and through the one that translates them.
 */
export async function measureStreams(kind: 'idle' | 'slow', count: number): Promise<StreamMemory> {
  let begun = 0
  const upstream = createServer((request, response) => {
    request.resume()
    begun++
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(EVENT('Hello'))
    if (kind === 'idle') return
    let sent = 0
    const more = () => {
      while (sent < FLOOD_BYTES && !response.destroyed) {
        sent += BIG.length
        if (!response.write(BIG)) break
      }
    }
    response.on('drain', more)
    more()
  }).listen(0, '127.0.0.1')
  await once(upstream, 'listening')
  const { port } = upstream.address() as AddressInfo
  const gateway = await startGateway(configOf(`http://127.0.0.1:${port}`, { openai: {}, vllm: {} }))
  const { port: proxy } = new URL(gateway.url)
  const sockets: Socket[] = []
  try {
    await openStream(Number(proxy), sockets, kind)
    await settled(() => begun === 1)
    const before = await gateway.probe()
    for (let i = 0; i < count; i++) await openStream(Number(proxy), sockets, kind)
    await settled(() => begun === count + 1)
    const after = await gateway.probe()
    return {
      streams: count,
      heap: (after.heap - before.heap) / count,
      rss: (after.rss - before.rss) / count,
    }
  } finally {
    for (const socket of sockets) socket.destroy()
    await gateway.stop()
    upstream.closeAllConnections()
    upstream.close()
  }
}

async function openStream(port: number, sockets: Socket[], kind: 'idle' | 'slow'): Promise<void> {
  const socket = net.connect(port, '127.0.0.1')
  sockets.push(socket)
  await once(socket, 'connect')
  const body = '{"model":"m","stream":true,"messages":[{"role":"user","content":"Hi"}]}'
  socket.write(
    `POST /openai HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  )
  if (kind === 'idle') socket.resume()
  else socket.pause()
}

async function settled(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setTimeout(resolve, 20))
  // What is on its way arrives, and what can be filled is full.
  await new Promise((resolve) => setTimeout(resolve, 2000))
}
