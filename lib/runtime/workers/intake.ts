import { createServer, type AddressInfo, type Socket } from 'node:net'
import { urlOf, type Address } from '../listener.js'
import { PeerGone, type Peer } from './peer.js'
import type { Worker } from './worker.js'
import type { WorkerMethods } from './worker-process.js'

/** What a worker is given connections by. */
export interface ConnectionMethods extends WorkerMethods {
  connection(argument: null, socket?: Socket): void
}

/** How many connections wait for a worker at most, while none serves. */
const MAX_WAITING = 1024

/** Of a connection that another process serves. */
function ignore(): void {}

/** A port whose connections go to workers. */
export interface Intake {
  readonly url: string
  /** Takes no more connections. */
  close(): void
}

/**
 * Listens in the parent, so that the port stays open whatever becomes of a worker, and gives each connection to the worker that
 * has the fewest: the kernel would wake the same one again and again.
 *
 * @param next the worker for the next connection
 * @throws Error where the port cannot be listened on
 */
export async function takeConnections<M extends ConnectionMethods>(
  address: Address,
  next: () => Promise<Worker<M>>,
): Promise<Intake> {
  const waiting = new Set<Socket>()
  let isClosed = false
  const server = createServer({ pauseOnConnect: true, noDelay: true, allowHalfOpen: true }, (socket) => {
    socket.on('error', ignore)
    if (waiting.size < MAX_WAITING) void give(socket)
    else socket.destroy()
  })

  async function give(socket: Socket): Promise<void> {
    if (isClosed) {
      socket.destroy()
      return
    }
    waiting.add(socket)
    const worker = await next()
    waiting.delete(socket)
    worker.load++
    const peer: Pick<Peer<ConnectionMethods>, 'ask'> = worker.peer
    try {
      await peer.ask('connection', null, socket)
    } catch (error) {
      // It answers before it reads a byte of the connection: another one can have it whole.
      if (error instanceof PeerGone) return give(socket)
    }
    socket.destroy()
  }

  await new Promise<void>((resolve, reject) => {
    // Later ones are of connections that cannot be accepted: their clients hear of it.
    server.on('error', reject).listen(address.port, address.host, resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    url: urlOf({ host: address.host, port }),
    close() {
      isClosed = true
      server.close()
      for (const socket of waiting) socket.destroy()
    },
  }
}
