import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

/** One request that an origin got. */
export interface OriginRequest {
  method: string
  url: string
  headers: http.IncomingHttpHeaders
  rawHeaders: string[]
  body: Buffer
}

export interface Origin {
  url: string
  port: number
  requests: OriginRequest[]
  close(): Promise<void>
}

/** An upstream on a free port that answers as the spec says; by default with what it was sent, as JSON. */
export async function origin(
  answer: (request: OriginRequest, response: ServerResponse, message: IncomingMessage) => void = echo,
): Promise<Origin> {
  const requests: OriginRequest[] = []
  const server = http.createServer((message, response) => {
    void (async () => {
      const body = await buffer(message).catch(() => Buffer.alloc(0))
      const { method = '', url = '', headers, rawHeaders } = message
      const request = { method, url, headers, rawHeaders, body }
      requests.push(request)
      answer(request, response, message)
    })()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    requests,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function echo({ method, url, headers, body }: OriginRequest, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ method, url, headers, body: body.toString() }))
}

/** A promise with its handles, for specs that go step by step. */
export function gate<T = void>(): { promise: Promise<T>; open: (value: T) => void } {
  let open!: (value: T) => void
  const promise = new Promise<T>((resolve) => (open = resolve))
  return { promise, open }
}
