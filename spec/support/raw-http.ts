import { once } from 'node:events'
import net, { type AddressInfo, type Socket } from 'node:net'
import { closing } from './closing.js'

/** A client that writes bytes of its own. */
export class RawClient {
  /** What has been read so far. */
  text = ''
  readonly closed: Promise<unknown>
  private readonly waiting = new Set<() => void>()

  constructor(readonly socket: Socket) {
    socket.setNoDelay(true)
    this.closed = new Promise((resolve) => socket.once('close', resolve))
    socket.on('error', () => {}) // a reset is an end like any other
    socket.on('data', (bytes: Buffer) => {
      this.text += bytes.toString('latin1')
      for (const look of this.waiting) look()
    })
  }

  write(bytes: string | Buffer): void {
    this.socket.write(bytes)
  }

  /** Everything that comes until the other side closes the connection. */
  async rest(): Promise<string> {
    await this.closed
    return this.text
  }

  /** Resolves once the text that came matches. */
  async seen(pattern: RegExp): Promise<void> {
    await Promise.race([
      new Promise<void>((resolve) => {
        const look = () => {
          if (!pattern.test(this.text)) return
          this.waiting.delete(look)
          resolve()
        }
        this.waiting.add(look)
        look()
      }),
      this.closed.then(() => {
        if (!pattern.test(this.text)) throw new Error(`closed after ${JSON.stringify(this.text)}`)
      }),
    ])
  }
}

/** Connected; closed after the test. */
export async function rawClient(url: string, { allowHalfOpen = false } = {}): Promise<RawClient> {
  const { hostname, port } = new URL(url)
  const socket = net.connect({ host: hostname, port: Number(port), allowHalfOpen })
  await once(socket, 'connect')
  return closing(Object.assign(new RawClient(socket), { close: async () => void socket.destroy() }))
}

export interface RawUpstream {
  url: string
  /** The heads and bodies that it was sent, as they came. */
  requests: string[]
  close(): Promise<void>
}

/** An upstream that answers the first bytes of each connection with bytes of its own; closed after the test. */
export async function rawUpstream(
  answer: (socket: Socket, request: string) => void | Promise<void>,
): Promise<RawUpstream> {
  const requests: string[] = []
  const sockets = new Set<Socket>()
  const server = net.createServer((socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    socket.once('data', (bytes: Buffer) => {
      const request = bytes.toString('latin1')
      requests.push(request)
      void answer(socket, request)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return closing({
    url: `http://127.0.0.1:${port}`,
    requests,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  })
}
