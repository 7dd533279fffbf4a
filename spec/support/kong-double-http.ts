import { once } from 'node:events'
import {
  Agent,
  createServer,
  type IncomingMessage,
  request as httpRequest,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { type Answer, type ClientRequest, exitAnswer, type KongDouble, type Run } from './kong-double.js'
import { Exit } from './kong-double-pdk.js'

/** A Kong double with a port: clients talk HTTP to it, and it proxies as nginx does under Kong (spec/fixtures/kong-relay). */
export interface KongFront {
  readonly url: string
  /** Requests whose log phase is over. */
  readonly runs: readonly Run[]
  /** How many connections it has opened to upstreams. */
  relayConnections(): number
  close(): Promise<void>
}

/** What a port needs of a Kong: `KongDouble`, or several of them in a chain. */
export type KongPhases = Pick<KongDouble, 'begin' | 'beforeUpstream' | 'log'>

/** Several plugins on one route, each with a double of its own; the first one runs first. */
export function chained(first: KongPhases, ...others: KongPhases[]): KongPhases {
  const all = [first, ...others]
  return {
    begin: (client) => first.begin(client),
    async beforeUpstream(run) {
      for (const double of all) {
        const answer = await double.beforeUpstream(run)
        if (answer) return answer
      }
      return undefined
    },
    async log(run, status) {
      for (const double of all) await double.log(run, status)
    },
  }
}

export interface FrontOptions {
  /** What Kong knows of every request: its service, consumer, captures. */
  readonly client?: ClientRequest
  /** The part of the path that the route strips. */
  readonly prefix?: string
  /** `retries` of the service. */
  readonly retries?: number
  /** Off where there are too many requests to remember. */
  readonly keepsRuns?: boolean
}

const VIA = '1.1 kong/3.9.1'
const INVALID_RESPONSE = 'An invalid response was received from the upstream server'

/** Not passed on from either side; Kong says them anew. */
const OWN_HEADERS = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'content-length',
  'te',
  'upgrade',
  'expect',
])

/** nginx asks another upstream, which here is the same one, unless the request has gone out and is not idempotent. */
const REPEATABLE = new Set(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'TRACE'])

export async function listenAsKong(double: KongPhases, options: FrontOptions = {}): Promise<KongFront> {
  const runs: Run[] = []
  let connections = 0
  class CountingAgent extends Agent {
    override createConnection(...args: Parameters<Agent['createConnection']>) {
      connections++
      return super.createConnection(...args)
    }
  }
  const agent = new CountingAgent({ keepAlive: true })
  const server = createServer((req, res) => {
    void serve(double, agent, options, req, res).then((run) => {
      if (options.keepsRuns ?? true) runs.push(run)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    runs,
    relayConnections: () => connections,
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      agent.destroy()
      await closed
    },
  }
}

async function serve(
  double: KongPhases,
  agent: Agent,
  options: FrontOptions,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<Run> {
  // As with `request_buffering`: the body is collected before anything goes upstream.
  const body = await buffer(req)
  const headers = req.headersDistinct as Record<string, string[]>
  const run = double.begin({ ...options.client, method: req.method!, path: req.url!, headers, body })
  const exit = await double.beforeUpstream(run)
  if (exit) sendWhole(run, exit, res)
  else await proxy(run, agent, options, req, res)
  if (!res.closed) await once(res, 'close')
  await double.log(run, res.statusCode)
  return run
}

async function proxy(
  run: Run,
  agent: Agent,
  options: FrontOptions,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const { upstream } = run.request
  const attempts = 1 + (options.retries ?? 5)
  for (let attempt = 0; attempt < attempts; attempt++) {
    const sent = httpRequest({
      agent,
      host: upstream.host,
      port: upstream.port,
      method: upstream.method,
      path: upstream.path + (upstream.rawQuery && `?${upstream.rawQuery}`),
      headers: headersUpstream(run, req, options.prefix),
    })
    // Kong lets the upstream go as soon as its client is gone.
    const abort = (): void => void (res.writableFinished || sent.destroy())
    res.on('close', abort)
    sent.end(upstream.body)
    // Who went away during the access phase is only noticed now; the request is out by then.
    if (res.closed) setTimeout(abort, 3)
    try {
      const [answer] = (await once(sent, 'response')) as [IncomingMessage]
      sent.on('error', () => undefined)
      await pass(run, answer, res)
      return
    } catch (error) {
      res.off('close', abort)
      const neverSent = (error as NodeJS.ErrnoException).code === 'ECONNREFUSED'
      if (res.destroyed || !(neverSent || REPEATABLE.has(upstream.method))) break
    }
  }
  sendWhole(
    run,
    exitAnswer(new Exit(502, { message: INVALID_RESPONSE, request_id: run.request.id }, {})),
    res,
  )
}

/** Header lines as Kong orders them: its own, then the client's, then what plugins set. */
function headersUpstream(run: Run, req: IncomingMessage, prefix: string | undefined): string[] {
  const { upstream, path, id, body } = run.request
  const { host, ...others } = upstream.headers
  const own: Record<string, string | undefined> = {
    Via: VIA,
    Host: host![0],
    Connection: 'keep-alive',
    'X-Forwarded-For': '127.0.0.1',
    'X-Forwarded-Proto': 'http',
    'X-Forwarded-Host': '127.0.0.1',
    'X-Forwarded-Port': String(req.socket.localPort),
    'X-Forwarded-Path': path,
    'X-Forwarded-Prefix': prefix,
    'X-Real-IP': '127.0.0.1',
    'X-Kong-Request-Id': id,
    'Content-Length': body.length > 0 ? String(upstream.body.length) : undefined,
  }
  const lines = Object.entries(own).flatMap(([name, value]) => (value === undefined ? [] : [name, value]))
  for (const [name, values] of Object.entries(others)) {
    if (!OWN_HEADERS.has(name)) for (const value of values) lines.push(name, value)
  }
  return lines
}

/** The answer as it comes; a broken one breaks off for the client, too. */
async function pass(run: Run, answer: IncomingMessage, res: ServerResponse): Promise<void> {
  const lines = answer.rawHeaders.flatMap((name, i, raw) => {
    const passes =
      i % 2 === 0 && !OWN_HEADERS.has(name.toLowerCase()) && name.toLowerCase() !== 'x-accel-buffering'
    return passes ? [name, raw[i + 1]!] : []
  })
  if (answer.headers['content-length'] !== undefined)
    lines.push('Content-Length', answer.headers['content-length'])
  res.writeHead(answer.statusCode!, [...lines, ...linesOf(run.request.response.headers), ...ownLines(run)])
  answer.on('error', () => res.destroy())
  answer.pipe(res)
  if (!res.closed) await once(res, 'close')
}

function sendWhole(run: Run, { status, headers, body }: Answer, res: ServerResponse): void {
  if (res.destroyed) return
  const lines = linesOf({ ...run.request.response.headers, ...headers })
  res.writeHead(status, [...lines, 'Content-Length', String(body.length), ...ownLines(run)])
  res.end(body)
}

function linesOf(headers: Answer['headers']): string[] {
  return Object.entries(headers).flatMap(([name, values]) =>
    [values].flat().flatMap((value) => [name, value]),
  )
}

function ownLines({ request: { id } }: Run): string[] {
  const latencies = ['X-Kong-Upstream-Latency', '1', 'X-Kong-Proxy-Latency', '1']
  return ['Server', 'kong/3.9.1', ...latencies, 'Via', VIA, 'X-Kong-Request-Id', id]
}
