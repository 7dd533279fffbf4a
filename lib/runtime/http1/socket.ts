import net, { type Socket } from 'node:net'
import tls, { type SecureContext } from 'node:tls'

/** Where a connection goes to, and how. */
export interface Address {
  /** A name or an address; IPv6 without brackets. */
  readonly host: string
  readonly port: number
  /** Of an https upstream. */
  readonly tls: TlsSettings | undefined
}

export interface TlsSettings {
  /** Told to the server and looked for in its certificate; `''` where it is known by an address. */
  readonly servername: string
  /** Whether the certificate must be valid. */
  readonly verify: boolean
  readonly sessions: TlsSessions
  /** Of the server's sessions. */
  readonly key: string
}

/**
 * All connections are read into this: what has been read is used up before the next one is. Saves an allocation of this size a
 * read, and an idle connection holds no memory for it.
 */
export const READ_BUFFER = Buffer.allocUnsafeSlow(64 * 1024)

/** How long a silent connection is trusted before it is probed, as routers on the way forget it. Milliseconds. */
const PROBE_AFTER = 60_000

/** The trusted authorities and nothing of one server: the same for all. Made once, since it is dear. */
let context: SecureContext | undefined

/** @param onRead the bytes are in {@link READ_BUFFER}, up to the given length */
export function openSocket({ host, port, tls: secure }: Address, onRead: (length: number) => void): Socket {
  const callback = (length: number): boolean => {
    onRead(length)
    return true
  }
  const options = { host, port, onread: { buffer: READ_BUFFER, callback } }
  const socket = secure ? openSecurely(options, secure) : net.connect(options)
  return socket.setNoDelay(true).setKeepAlive(true, PROBE_AFTER)
}

type Callback = (error?: NodeJS.ErrnoException | null) => void

/**
 * A server may answer before it has the whole request and close the connection (RFC 9112 §9.5): what is written then fails, and
 * Node destroys a socket whose write fails, with the answer in it unread. So that failure is not told before the connection's end,
 * which follows what is there to be read. For connections that take a stream as a request's body: any other is written in one go, and
 * what the system does not take of it at once waits in libuv, which reads before it writes.
 */
export function readOn(socket: Socket): void {
  if (Object.hasOwn(socket, '_write')) return
  const write = socket._write.bind(socket)
  const writev = socket._writev!.bind(socket)
  const heldBack =
    (callback: Callback): Callback =>
    (error) => {
      const isReset = error?.code === 'ECONNRESET'
      if (!isReset && error?.code !== 'EPIPE') {
        callback(error)
        return
      }
      socket.once('close', () => callback(error))
      // The system told the write of it, and shows the read side an end like any other.
      if (isReset) socket.prependOnceListener('end', () => socket.destroy(error))
    }
  socket._write = (chunk, encoding, callback) => write(chunk, encoding, heldBack(callback))
  socket._writev = (chunks, callback) => writev(chunks, heldBack(callback))
}

function openSecurely(
  options: net.NetConnectOpts,
  { servername, verify, sessions, key }: TlsSettings,
): Socket {
  context ??= tls.createSecureContext()
  const session = sessions.get(key)
  return tls
    .connect({
      ...options,
      secureContext: context,
      ALPNProtocols: ['http/1.1'],
      rejectUnauthorized: verify,
      ...(servername !== '' && { servername }),
      ...(session && { session }),
    })
    .on('session', (bytes: Buffer) => sessions.set(key, bytes))
}

/** The last session of each server, so that the next connection's handshake is a short one. */
export class TlsSessions {
  static readonly MAX = 100
  readonly #sessions = new Map<string, Buffer>()

  get(key: string): Buffer | undefined {
    return this.#sessions.get(key)
  }

  set(key: string, session: Buffer): void {
    this.#sessions.delete(key)
    this.#sessions.set(key, session)
    if (this.#sessions.size <= TlsSessions.MAX) return
    const [oldest] = this.#sessions.keys()
    this.#sessions.delete(oldest!)
  }
}
