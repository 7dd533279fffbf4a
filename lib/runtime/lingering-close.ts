import type { IncomingMessage } from 'node:http'

/** How long a client may take to see that it has been answered: nginx's `lingering_timeout`. Milliseconds. */
const LINGER_MS = 5000

/**
 * Closes the connection of a request that is answered before it is there so that its client can read the answer (RFC 9112 §9.6): what
 * it still sends is read and dropped for a while. Closed at once, the connection would be reset, and most clients would tell of that
 * and not of the answer.
 */
export function lingerAtClose(request: IncomingMessage): void {
  const { socket } = request
  // What Node calls when the answer is out.
  socket.destroySoon = () => {
    socket.end()
    request.resume()
    const limit = setTimeout(() => socket.destroy(), LINGER_MS)
    socket.once('close', () => clearTimeout(limit))
  }
}
