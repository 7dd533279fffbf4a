import { once } from 'node:events'
import net, { type Socket } from 'node:net'
import { startFlood } from './flood.js'
import type { Routes, TestedHost } from './hosts.js'

export interface StreamMemory {
  /** Of the host's process, a stream. Bytes. */
  heap: number
  rss: number
}

/** 32 MiB: more than all buffers on the way hold. */
const FLOOD_EVENTS = 2000

/** Memory of streams that wait for their provider (`idle`) or for clients that do not read (`slow`). */
export async function measureStreams(
  start: (routes: Routes) => Promise<TestedHost>,
  kind: 'idle' | 'slow',
  count: number,
): Promise<StreamMemory> {
  const flood = await startFlood(kind === 'idle' ? undefined : FLOOD_EVENTS)
  const host = await start({ openai: { provider: 'openai', upstream: flood.url } })
  const port = Number(new URL(host.url).port)
  const sockets: Socket[] = []
  try {
    await openStream(port, sockets, kind)
    await settled(() => flood.begun === 1)
    const before = await host.probe()
    for (let i = 0; i < count; i++) await openStream(port, sockets, kind)
    await settled(() => flood.begun === count + 1)
    const after = await host.probe()
    return { heap: (after.heap - before.heap) / count, rss: (after.rss - before.rss) / count }
  } finally {
    for (const socket of sockets) socket.destroy()
    await host.stop()
    flood.close()
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
