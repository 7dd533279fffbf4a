import { randomBytes, randomUUID } from 'node:crypto'
import { callPdk, Exit, LuaError, type SimulatedRequest, stepOf, type Upstream } from './kong-double-pdk.js'
import { AnsweredError, NoAnswer, RpcWorker } from './kong-double-rpc.js'

export interface KongDoubleOptions {
  /** The plugin server's. */
  readonly socket: string
  readonly plugin?: string
  readonly config?: object
  /** Phases of the plugin's dump. */
  readonly phases?: readonly string[]
  /** `lua_socket_read_timeout`. */
  readonly readTimeoutMs?: number
  /** The route's path, which is stripped on the way upstream. */
  readonly routePath?: string
  /** Takes the request on as nginx would; without it there is no upstream to reach: 502. */
  readonly proxy?: (upstream: Upstream) => Promise<Answer>
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[]>>
  readonly body: Buffer
}

export interface ClientRequest {
  readonly method?: string
  /** With its query. */
  readonly path?: string
  readonly headers?: Readonly<Record<string, string | string[]>>
  readonly body?: string | Buffer
  readonly consumer?: object
  readonly credential?: object
  readonly service?: SimulatedRequest['service']
  readonly captures?: SimulatedRequest['captures']
}

export interface Call {
  readonly phase: string
  readonly method: string
  readonly args: readonly unknown[]
  readonly value: unknown
}

export interface Result extends Answer {
  /** Whose answer it is: the plugin's exit, Kong's own error, or the upstream's. */
  readonly from: 'exit' | 'error' | 'service'
  /** PDK calls, in order. */
  readonly calls: readonly Call[]
  /** What Kong would write to its error log about the plugin server. */
  readonly errors: readonly string[]
  /** The request as it went upstream, or would have. */
  readonly upstream: Upstream
  /** RPCs of its events, by phase. */
  readonly roundTrips: Readonly<Record<string, number>>
}

const SERVICE = { protocol: 'http', host: 'localhost', port: 1, path: null }

/** A Kong worker with one route and one plugin, as a plugin server sees it (kong/runloop/plugin_servers). */
export class KongDouble {
  readonly #worker: RpcWorker
  readonly #options: Required<Omit<KongDoubleOptions, 'proxy'>> & Pick<KongDoubleOptions, 'proxy'>
  readonly #pluginId = randomUUID()
  #config: object
  #sequence = 1
  #instance: { id: unknown; sequence: number } | undefined
  #starting: Promise<unknown> | undefined

  constructor(options: KongDoubleOptions) {
    this.#options = {
      plugin: 'probe',
      config: {},
      phases: ['access', 'log'],
      readTimeoutMs: 60_000,
      routePath: '/',
      ...options,
    }
    this.#config = this.#options.config
    this.#worker = new RpcWorker(options.socket, this.#options.readTimeoutMs)
  }

  /** As POST /config: every plugin gets a new sequence number, also if nothing changed. */
  reload(config = this.#config): void {
    this.#config = config
    this.#sequence++
  }

  /** One request of a client: the plugin's phases, the way upstream, then the log phase. */
  async request(client: ClientRequest = {}): Promise<Result> {
    const run = this.begin(client)
    const answer = (await this.beforeUpstream(run)) ?? (await this.#upstream(run))
    await this.log(run, answer.status)
    const { calls, errors, from, roundTrips } = run
    const headers = { ...run.request.response.headers, ...answer.headers }
    return { ...answer, headers, from, calls, errors, roundTrips, upstream: run.request.upstream }
  }

  begin(client: ClientRequest): Run {
    return new Run(simulated(client, this.#options.routePath))
  }

  /** The phases before the upstream; gives the answer if one of them made it. */
  beforeUpstream(run: Run): Promise<Answer | undefined> {
    return this.#phases(run, 'rewrite', 'access')
  }

  /** The log phase, with the status that the client got. */
  async log(run: Run, status: number): Promise<void> {
    run.request.phase = 'log'
    run.request.response.status = status
    run.request.source = run.from
    if (!this.#options.phases.includes('log')) return
    await this.#phase(run, 'log').catch((error: unknown) => run.note(error))
  }

  close(): void {
    this.#worker.close()
  }

  async #phases(run: Run, ...phases: string[]): Promise<Answer | undefined> {
    for (const phase of phases.filter((name) => this.#options.phases.includes(name))) {
      run.request.phase = phase
      try {
        const exit = await this.#phase(run, phase)
        if (exit === undefined) continue
        run.from = 'exit'
        return exitAnswer(exit)
      } catch (error) {
        run.note(error)
        run.from = 'error'
        return exitAnswer(new Exit(500, { message: 'An unexpected error occurred' }, {}))
      }
    }
    return undefined
  }

  /** Errors that the server answers, or its silence, let the request pass; errors inside Kong are thrown. */
  async #phase(run: Run, phase: string): Promise<Exit | undefined> {
    try {
      for (;;) {
        const instance = await this.#instanceId()
        try {
          return await this.#event(run, phase, instance)
        } catch (error) {
          if (!(error instanceof AnsweredError) || !/no plugin instance/i.test(error.message)) throw error
          this.#instance = undefined
        }
      }
    } catch (error) {
      if (error instanceof LuaError) throw error
      if (!(error instanceof AnsweredError || error instanceof NoAnswer)) throw error
      run.note(error)
      return undefined
    }
  }

  async #event(run: Run, phase: string, instance: unknown): Promise<Exit | undefined> {
    let word = await this.#word(run, 'HandleEvent', { InstanceId: instance, EventName: phase })
    const { EventId } = word
    while (word.Data !== 'ret') {
      const { Method, Args } = word.Data
      const value = callPdk(run.request, Method, Args)
      run.calls.push({ phase, method: Method, args: Args, value })
      if (value instanceof Exit) return value
      word = await this.#word(
        run,
        stepOf(Method),
        value === undefined ? { EventId } : { EventId, Data: value },
      )
    }
    return undefined
  }

  async #word({ request: { phase }, roundTrips }: Run, method: string, argument: object): Promise<Word> {
    roundTrips[phase] = (roundTrips[phase] ?? 0) + 1
    return (await this.#worker.call(method, argument)) as Word
  }

  /** An instance is started by the first request that needs it, and replaced after a reload; the others wait. */
  async #instanceId(): Promise<unknown> {
    if (this.#instance?.sequence === this.#sequence) return this.#instance.id
    this.#starting ??= this.#start().finally(() => (this.#starting = undefined))
    return this.#starting
  }

  /** What goes wrong here is an error inside Kong. */
  async #start(): Promise<unknown> {
    const [present, sequence] = [this.#instance, this.#sequence]
    const config = JSON.stringify({ ...this.#config, __seq__: sequence, __plugin_id: this.#pluginId })
    try {
      const argument = { Name: this.#options.plugin, Config: config }
      const started = (await this.#worker.call('StartInstance', argument)) as { Id: unknown }
      this.#instance = { id: started.Id, sequence }
    } catch (error) {
      throw new LuaError(String(error), { cause: error })
    }
    if (present) await this.#worker.call('CloseInstance', present.id).catch(() => undefined)
    return this.#instance.id
  }

  async #upstream(run: Run): Promise<Answer> {
    const { request } = run
    const answer = await (this.#options.proxy ?? unreachable)(request.upstream)
    request.response.status = answer.status
    return (await this.#phases(run, 'response')) ?? answer
  }
}

async function unreachable(): Promise<Answer> {
  const message = 'An invalid response was received from the upstream server'
  return exitAnswer(new Exit(502, { message }, {}))
}

interface Word {
  EventId: unknown
  Data: 'ret' | { Method: string; Args: unknown[] }
}

/** What is noted down while a request runs. */
export class Run {
  readonly calls: Call[] = []
  readonly errors: string[] = []
  readonly roundTrips: Record<string, number> = {}
  from: Result['from'] = 'service'

  constructor(readonly request: SimulatedRequest) {}

  note(error: unknown): void {
    this.errors.push(error instanceof Error ? error.message : String(error))
  }
}

function simulated(client: ClientRequest, routePath: string): SimulatedRequest {
  const { method = 'GET', path = '/', body = '', service = SERVICE } = client
  const [rawPath = '/', rawQuery = ''] = path.split('?')
  const headers: Record<string, string[]> = { host: ['localhost:8000'] }
  for (const [name, value] of Object.entries(client.headers ?? {}))
    headers[name.toLowerCase()] = [value].flat()
  const { protocol: scheme, host, port } = service
  const message = { method, path: rawPath, rawQuery, body: Buffer.from(body) }
  return {
    ...message,
    phase: 'access',
    headers,
    id: randomBytes(16).toString('hex'),
    route: { id: 'fd65257d-9139-56d1-9ce7-6cd78c76260e', name: 'route', paths: ['/'] },
    service,
    ...(client.consumer && { consumer: client.consumer }),
    ...(client.credential && { credential: client.credential }),
    captures: client.captures ?? { named: {}, unnamed: {} },
    shared: new Map(),
    upstream: {
      ...message,
      path: (service.path ?? '') + stripped(rawPath, routePath),
      scheme,
      host,
      port,
      headers: structuredClone(headers),
    },
    response: { status: 0, headers: {} },
    source: 'service',
    logValues: {},
    logLines: [],
  }
}

function stripped(path: string, prefix: string): string {
  const rest = path.startsWith(prefix) ? path.slice(prefix.length) : path
  return rest.startsWith('/') ? rest : `/${rest}`
}

export function exitAnswer({ status, body, headers }: Exit): Answer {
  if (typeof body === 'string' || body instanceof Uint8Array)
    return { status, headers, body: Buffer.from(body) }
  if (body === undefined || body === null) return { status, headers, body: Buffer.alloc(0) }
  const type = { 'content-type': 'application/json; charset=utf-8' }
  return { status, headers: { ...type, ...headers }, body: Buffer.from(JSON.stringify(body)) }
}
