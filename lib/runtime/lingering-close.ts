import type { IncomingMessage } from 'node:http'

/** How long a client may be silent, and how long it may go on sending: nginx's `lingering_timeout` and `lingering_time`. Milliseconds. */
const SILENT_MS = 5000
const LINGER_MS = 30_000

/**
 * Has Node close the connection of a request that is answered before it is there so that its client can read the answer
 * (RFC 9112 §9.6): what it still sends is read and dropped for a while. Closed at once, the connection would be reset, and most
 * clients would tell of that and not of the answer.
 */
export function lingerAtClose(request: IncomingMessage): void {
  const { socket } = request
  // What Node calls when the answer is out.
  socket.destroySoon = () => {
    if (socket.destroyed) return
    socket.end()
    request.resume()
    socket.setTimeout(SILENT_MS, () => socket.destroy())
    const limit = setTimeout(() => socket.destroy(), LINGER_MS)
    socket.once('close', () => clearTimeout(limit))
  }
}
