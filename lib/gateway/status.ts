import type { IncomingMessage } from 'node:http'
import type { JsonObject } from '../llm/json.js'

export interface GatewayStatus {
  ready: boolean
  /** Requests whose answer is under way. */
  open: number
  /** Requests since the start. */
  handled: number
}

/** Answers the status listener: `GET /status` as Kong's Status API has it, 503 until requests are served. */
export function statusAnswer(
  message: IncomingMessage,
  { ready, open, handled }: GatewayStatus,
): { status: number; body: JsonObject } {
  const path = (message.url ?? '/').split('?')[0]
  if (path !== '/status' && path !== '/status/ready') return { status: 404, body: { message: 'Not found' } }
  if (message.method !== 'GET' && message.method !== 'HEAD') {
    return { status: 405, body: { message: 'Method not allowed' } }
  }
  if (!ready) return { status: 503, body: { message: 'not ready: no requests are served yet' } }
  if (path === '/status/ready') return { status: 200, body: { message: 'ready' } }
  const { rss, heapUsed } = process.memoryUsage()
  return {
    status: 200,
    body: {
      server: { connections_active: open, total_requests: handled },
      memory: { rss, heap_used: heapUsed },
    },
  }
}
