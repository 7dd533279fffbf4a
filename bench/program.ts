import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A program of the benchmarks listens: says where on stdout, and ends on SIGTERM. */
export function ready(server: Server): void {
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo
    process.stdout.write(`listening on http://127.0.0.1:${port}\n`)
  })
  process.on('SIGTERM', () => process.exit(0))
}
