/** Kong's PDK over a request that exists in memory only: what external plugins may call, and what Kong answers them. */

export interface Upstream {
  scheme: string
  host: string
  port: number
  method: string
  path: string
  rawQuery: string
  headers: Record<string, string[]>
  body: Buffer
}

export interface SimulatedRequest {
  phase: string
  method: string
  path: string
  rawQuery: string
  headers: Record<string, string[]>
  body: Buffer
  id: string
  route: object
  service: { protocol: string; host: string; port: number; path?: string | null }
  consumer?: object
  credential?: object
  captures: { named: Record<string, string>; unnamed: Record<string, string> }
  shared: Map<string, unknown>
  upstream: Upstream
  response: { status: number; headers: Record<string, string[]> }
  source: 'exit' | 'error' | 'service'
  logValues: Record<string, unknown>
  logLines: string[]
}

/** What `kong.response.exit` does to the phase. */
export class Exit {
  constructor(
    readonly status: number,
    readonly body: unknown,
    readonly headers: Record<string, string | string[]>,
  ) {}
}

/** An error inside Kong: the plugin server hears nothing of it. */
export class LuaError extends Error {}

type PdkMethod = (request: SimulatedRequest, ...args: never[]) => unknown

const text = (value: unknown): string => (Buffer.isBuffer(value) ? value.toString() : String(value))
const headerName = (name: string): string => name.toLowerCase().replaceAll('_', '-')
const asList = (value: string | string[]): string[] => (Array.isArray(value) ? value : [value])
const buffer = (value: Uint8Array | string): Buffer =>
  typeof value === 'string' ? Buffer.from(value) : Buffer.from(value)

/** Lua has one empty table; Kong packs it as an array. */
const orEmpty = (table: Record<string, string>): object => (Object.keys(table).length === 0 ? [] : table)

const setHeader = (headers: Record<string, string[]>, name: unknown, value: string | string[]): void => {
  if (typeof name !== 'string') throw new LuaError('header must be a string')
  headers[headerName(name)] = asList(value)
}

/** In nginx the request that goes upstream has the headers of the client's, which are changed; only `Host` is kept apart. */
function setRequestHeader(
  { headers, upstream }: SimulatedRequest,
  name: unknown,
  change: (present?: string[]) => string[] | undefined,
): void {
  if (typeof name !== 'string') throw new LuaError('header must be a string')
  const lower = headerName(name)
  const value = change(upstream.headers[lower])
  for (const table of lower === 'host' ? [upstream.headers] : [upstream.headers, headers]) {
    if (value === undefined) delete table[lower]
    else table[lower] = value
  }
}

const level = (request: SimulatedRequest, ...parts: unknown[]): void => {
  request.logLines.push(parts.map((part) => text(part)).join(''))
}

const REQUEST: Record<string, PdkMethod> = {
  get_scheme: () => 'http',
  get_host: (r) => r.headers.host?.[0]?.split(':')[0],
  get_port: () => 8000,
  get_forwarded_scheme: () => 'http',
  get_forwarded_host: (r) => r.headers.host?.[0]?.split(':')[0],
  get_forwarded_port: () => 8000,
  get_forwarded_path: (r) => r.path,
  get_http_version: () => 1.1,
  get_method: (r) => r.method,
  get_path: (r) => decodeURI(r.path),
  get_raw_path: (r) => r.path,
  get_path_with_query: (r) => r.path + (r.rawQuery && `?${r.rawQuery}`),
  get_raw_query: (r) => r.rawQuery,
  get_query: (r) => {
    const query = Object.create(null) as Record<string, string[]>
    for (const [name, value] of new URLSearchParams(r.rawQuery)) (query[name] ??= []).push(value)
    return query
  },
  get_query_arg: (r, name: string) => new URLSearchParams(r.rawQuery).get(name) ?? undefined,
  get_header: (r, name: string) => {
    if (typeof name !== 'string') throw new LuaError('header name must be a string')
    return r.headers[headerName(name)]?.[0]
  },
  get_headers: (r) => r.headers,
  get_raw_body: (r, limit?: number) => {
    if (r.body.length > 8192 && limit === undefined) throw new LuaError('request body spooled to disk')
    return limit !== undefined && limit > 0 && r.body.length > limit ? undefined : r.body
  },
  get_body: (r) => JSON.parse(r.body.toString()) as unknown,
  get_uri_captures: (r) => ({
    named: orEmpty(r.captures.named),
    unnamed: orEmpty(r.captures.unnamed),
  }),
  get_start_time: () => Date.now(),
}

const SERVICE: Record<string, PdkMethod> = {
  set_target: ({ upstream }, host: string, port: number) => {
    if (!Number.isInteger(port) || port < 0 || port > 65535) throw new LuaError('port must be an integer')
    Object.assign(upstream, { host, port })
    upstream.headers.host = [host]
  },
  set_timeouts: () => undefined,
  set_tls_verify: () => true,
}

const SERVICE_REQUEST: Record<string, PdkMethod> = {
  set_scheme: ({ upstream }, scheme: string) => void (upstream.scheme = scheme),
  set_method: ({ upstream }, method: string) => void (upstream.method = method),
  set_path: ({ upstream }, path: string) => void (upstream.path = path),
  set_raw_query: ({ upstream }, query: string) => void (upstream.rawQuery = query),
  set_header: (r, name: unknown, value: string) => setRequestHeader(r, name, () => asList(value)),
  set_headers: (r, headers: Record<string, string | string[]>) => {
    for (const [name, value] of Object.entries(headers)) setRequestHeader(r, name, () => asList(value))
  },
  add_header: (r, name: string, value: string) =>
    setRequestHeader(r, name, (present = []) => [...present, value]),
  clear_header: (r, name: string) => setRequestHeader(r, name, () => undefined),
  set_raw_body: ({ upstream }, body: Uint8Array | string) => void (upstream.body = buffer(body)),
  set_body: ({ upstream }, body: unknown, type = 'application/json') => {
    upstream.body = Buffer.from(JSON.stringify(body))
    upstream.headers['content-type'] = [type]
    return true
  },
}

const RESPONSE: Record<string, PdkMethod> = {
  get_status: (r) => r.response.status,
  get_header: (r, name: string) => r.response.headers[headerName(name)]?.[0],
  get_headers: (r) => r.response.headers,
  get_source: (r) => r.source,
  set_header: (r, name: unknown, value: string) => setHeader(r.response.headers, name, value),
  add_header: ({ response: { headers } }, name: string, value: string) =>
    void (headers[headerName(name)] ??= []).push(value),
  exit: (_r, status: number, body: unknown, headers: Record<string, string> = {}) =>
    new Exit(status, body, headers),
  error: (_r, status: number, message: string, headers: Record<string, string> = {}) =>
    new Exit(status, { message }, headers),
}

const OTHERS: Record<string, PdkMethod> = {
  'client.get_ip': () => '127.0.0.1',
  'client.get_forwarded_ip': () => '127.0.0.1',
  'client.get_port': () => 40000,
  'client.get_protocol': () => 'http',
  'client.get_consumer': (r) => r.consumer,
  'client.get_credential': (r) => r.credential,
  'router.get_route': (r) => r.route,
  'router.get_service': (r) => r.service,
  'nginx.get_var': (r, name: string) => (name === 'kong_request_id' ? r.id : undefined),
  'nginx.get_subsystem': () => 'http',
  'ctx.shared.get': (r, key: string) => r.shared.get(key),
  'ctx.shared.set': (r, key: string, value: unknown) => void r.shared.set(key, value),
  'log.set_serialize_value': (r, key: string, value: unknown) => void (r.logValues[key] = value),
  'log.serialize': (r) =>
    JSON.stringify({
      request: { id: r.id, method: r.method, uri: r.path, headers: flat(r.headers) },
      response: { status: r.response.status, headers: flat(r.response.headers) },
      latencies: { request: 1, kong: 1, proxy: 0, receive: 0 },
      client_ip: '127.0.0.1',
      started_at: Date.now(),
      source: r.source,
      route: r.route,
      service: r.service,
      ...r.logValues,
    }),
  ...Object.fromEntries(
    ['debug', 'info', 'notice', 'warn', 'err', 'crit', 'alert', 'emerg'].map((name) => [
      `log.${name}`,
      level,
    ]),
  ),
}

function flat(headers: Record<string, string[]>): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, values]) => [name, values.length === 1 ? values[0]! : values]),
  )
}

const METHODS: ReadonlyMap<string, PdkMethod> = new Map(
  Object.entries({
    ...prefixed('request', REQUEST),
    ...prefixed('service', SERVICE),
    ...prefixed('service.request', SERVICE_REQUEST),
    ...prefixed('response', RESPONSE),
    ...prefixed('', OTHERS),
  }),
)

function prefixed(namespace: string, methods: Record<string, PdkMethod>): Record<string, PdkMethod> {
  const prefix = namespace === '' ? 'kong.' : `kong.${namespace}.`
  return Object.fromEntries(Object.entries(methods).map(([name, method]) => [prefix + name, method]))
}

const READS_IN_LOG =
  /^kong\.(request\.get_(headers?|uri_captures|start_time)|response\.get_(status|headers?|source)|client\.get_(consumer|credential)|router\.|ctx\.|log\.)/
const LATER_THAN_ACCESS = /^kong\.(response\.get_|log\.serialize$)/

/** Kong's answer to a PDK call. Unknown methods give nothing, and so does what Lua returns as `nil, err`. Throws `LuaError`. */
export function callPdk(request: SimulatedRequest, method: string, args: unknown[]): unknown {
  const allowed =
    request.phase === 'log'
      ? READS_IN_LOG.test(method)
      : !LATER_THAN_ACCESS.test(method) || request.phase === 'response'
  const implementation = METHODS.get(method)
  if (implementation === undefined) return undefined
  if (!allowed) throw new LuaError(`function cannot be called in ${request.phase} phase`)
  return implementation(request, ...(args as never[]))
}

const STEPS: Readonly<Record<string, string>> = {
  'kong.client.get_credential': 'StepCredential',
  'kong.client.get_consumer': 'StepConsumer',
  'kong.router.get_route': 'StepRoute',
  'kong.router.get_service': 'StepService',
  'kong.request.get_query': 'StepMultiMap',
  'kong.request.get_headers': 'StepMultiMap',
  'kong.response.get_headers': 'StepMultiMap',
}

/** The RPC by which Kong brings back the value of a PDK call. */
export function stepOf(method: string): string {
  return STEPS[method] ?? 'Step'
}
