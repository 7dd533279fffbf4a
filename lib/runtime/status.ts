import type { IncomingMessage, ServerResponse } from 'node:http'
import type { JsonObject } from '../llm/json.js'
import { listen, type Address, type Listener } from './listener.js'
import type { Look } from './live/live-page.js'

/** What is to be said of those who serve requests, beside the memory of this process. */
export interface Status {
  readonly ready: boolean
  readonly body: JsonObject
}

export interface StatusOptions {
  readonly listen: Address
  readonly metrics: { text(): Promise<string> }
  /** What the live page shows; absent: there is no page. */
  readonly look?: Look | undefined
  readonly status: () => Status | Promise<Status>
}

/** A path below the status listener. */
type Answer = (out: ServerResponse) => void | Promise<void>

/**
 * The listener for operators: `/status` and `/status/ready` as Kong's Status API has them (503 until requests are served),
 * `/metrics` for Prometheus, and the live page if there is one.
 */
export async function listenStatus(options: StatusOptions): Promise<Listener> {
  const answers = await answersOf(options)
  return listen(options.listen, (message, out) => {
    const answer = answers.get((message.url ?? '/').split('?')[0]!)
    if (!answer) json(out, 404, { message: 'Not found' })
    else if (!isRead(message)) json(out, 405, { message: 'Method not allowed' })
    else Promise.resolve(answer(out)).catch(() => json(out, 500, { message: 'An unexpected error occurred' }))
  })
}

async function answersOf({ metrics, look, status }: StatusOptions): Promise<ReadonlyMap<string, Answer>> {
  const answers = new Map<string, Answer>([
    [
      '/status',
      async (out) => {
        const { ready, body } = await status()
        if (!ready) json(out, 503, NOT_READY)
        else json(out, 200, { ...body, memory: memory() })
      },
    ],
    [
      '/status/ready',
      async (out) => {
        const { ready } = await status()
        if (ready) json(out, 200, { message: 'ready' })
        else json(out, 503, NOT_READY)
      },
    ],
    [
      '/metrics',
      async (out) => {
        const text = await metrics.text()
        out.writeHead(200, { 'content-type': PROMETHEUS_TEXT }).end(text)
      },
    ],
  ])
  if (look) {
    const { LivePage } = await import('./live/live-page.js')
    const live = new LivePage(look)
    answers.set('/', (out) => live.page(out)).set('/streams', (out) => live.events(out))
  }
  return answers
}

/** https://prometheus.io/docs/instrumenting/exposition_formats/ */
const PROMETHEUS_TEXT = 'text/plain; version=0.0.4; charset=utf-8'

const NOT_READY = { message: 'not ready: no requests are served yet' }

/** Of this process. Bytes. */
export function memory(): JsonObject {
  const { rss, heapUsed } = process.memoryUsage()
  return { rss, heap_used: heapUsed }
}

function isRead({ method }: IncomingMessage): boolean {
  return method === 'GET' || method === 'HEAD'
}

function json(out: ServerResponse, status: number, body: JsonObject): void {
  if (out.headersSent) return
  out.writeHead(status, { 'content-type': 'application/json; charset=utf-8' })
  out.end(JSON.stringify(body))
}
