import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A provider that sends as fast as it is read: numbered events, so that a lost or doubled one shows. */
export interface Flood {
  readonly url: string
  /** Streams that have begun. */
  readonly begun: number
  close(): void
}

/** 16 KiB. */
const PADDING = 'padding '.repeat(2048)

/** What the event of a number says. */
export const flooded = (number: number): string => `${number} ${PADDING}`

const EVENT = (text: string) =>
  `data: {"id":"c","choices":[{"index":0,"delta":{"content":"${text}"},"finish_reason":null}]}\n\n`
/** With usage, so that nobody need count what is too much to count. */
const LAST = `data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}

data: {"id":"c","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}

data: [DONE]

`

/** @param events how many a stream has after its first; without a number it has one and does not end */
export async function startFlood(events?: number): Promise<Flood> {
  let begun = 0
  const server = createServer((request, response) => {
    request.resume()
    begun++
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(EVENT(flooded(0)))
    if (events !== undefined) send(response, events)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    get begun() {
      return begun
    },
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

function send(response: ServerResponse, events: number): void {
  let number = 0
  const more = (): void => {
    while (!response.destroyed) {
      if (number === events) return void response.end(LAST)
      if (!response.write(EVENT(flooded(++number)))) return
    }
  }
  response.on('drain', more)
  more()
}
