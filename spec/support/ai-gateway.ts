import type { JsonObject } from '../../lib/llm/json.js'
import type { FilterKong, Kong } from '../../lib/pdk/kong.js'
import type { BodyArg, Plugin, PluginModule } from '../../lib/pdk/plugin.js'
import * as aiProxy from '../../plugins/ai-proxy/index.js'
import { closing } from './closing.js'
import { testGateway, type TestGateway, type TestGatewayOptions } from './gateway.js'
import { object, parseObject } from './json.js'

/** The key that the config has, and no client. */
export const PROVIDER_KEY = 'Bearer sk-of-the-provider'

export interface AiGateway extends TestGateway {
  /** The log entries, in the order in which their exchanges ended. */
  entries: JsonObject[]
  /** The log entry of the next exchange that ends, or of the last one if none was taken for it yet. */
  entry(): Promise<JsonObject>
}

export interface AiGatewayOptions extends TestGatewayOptions {
  /** Paths of the route. */
  paths?: string[]
  /** Other plugins on the route. */
  modules?: PluginModule[]
}

/** `config` of the plugin with what every spec wants: openai's chat, a key, the provider at `url`. */
export function aiConfig(url: string, { model, auth, ...rest }: JsonObject = {}): JsonObject {
  const { options, ...target } = object(model ?? {})
  return {
    route_type: 'llm/v1/chat',
    ...(auth !== null && {
      auth: auth ?? { header_name: 'Authorization', header_value: PROVIDER_KEY },
    }),
    model: {
      provider: 'openai',
      name: 'gpt-4o',
      ...target,
      options: {
        upstream_url: url,
        ...(target.provider === 'anthropic' && { anthropic_version: '2023-06-01' }),
        ...object(options ?? {}),
      },
    },
    ...rest,
  }
}

/** A gateway with ai-proxy on its one route, closed after the test; its service leads nowhere. */
export async function aiGateway(config: JsonObject, options: AiGatewayOptions = {}): Promise<AiGateway> {
  const { paths = ['/'], modules = [], ...surroundings } = options
  const log = logModule()
  const plugins = [
    { name: 'ai-proxy', config },
    ...[...modules, log.module].map(({ Name }) => ({ name: Name })),
  ]
  const yaml = JSON.stringify({
    _format_version: '3.0',
    services: [
      { name: 'nowhere', url: 'http://localhost:1', retries: 0, routes: [{ name: 'ai', paths, plugins }] },
    ],
  })
  const gateway = await testGateway(yaml, [aiProxy, ...modules, log.module], surroundings)
  return closing({ ...gateway, entries: log.entries, entry: log.next })
}

/** A plugin module of nothing but phases. */
export function phases(Name: string, plugin: Plugin, Priority = 1): PluginModule {
  const Phases = function () {} as unknown as PluginModule['Plugin']
  Object.assign(Phases.prototype as object, plugin)
  return { Plugin: Phases, Name, Priority }
}

function logModule() {
  const entries: JsonObject[] = []
  const waiting: ((entry: JsonObject) => void)[] = []
  let taken = 0
  return {
    entries,
    next: () => {
      const place = taken++
      const entry = entries[place]
      return entry ? Promise.resolve(entry) : new Promise<JsonObject>((resolve) => waiting.push(resolve))
    },
    module: phases('log-entries', {
      async log(kong: Kong) {
        const entry = parseObject(await kong.log.serialize())
        entries.push(entry)
        waiting.shift()?.(entry)
      },
    }),
  }
}

export const messages = [{ role: 'user' as const, content: 'Say 你好 👋' }]

/** Posts a JSON body. */
export function post(
  gateway: { url: string },
  body: unknown,
  { path = '/chat', headers, ...init }: RequestInit & { path?: string } = {},
): Promise<Response> {
  return fetch(gateway.url + path, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...(headers as Record<string, string>) },
    ...init,
  })
}

/** Status and error object of an error answer. */
export async function errorOf(response: Response): Promise<{ status: number; error: JsonObject }> {
  const body = parseObject(await response.text())
  return { status: response.status, error: object(body.error) }
}

/** Sees what leaves ai-proxy for the client, call by call. */
export class FilterWatch {
  private readonly calls: { chunk: string; eof: boolean }[] = []
  private readonly waiting: (() => void)[] = []

  /** Runs after ai-proxy; for the gateway's `modules`. */
  readonly module = phases('filter-watch', {
    bodyFilter: (_: FilterKong, { chunk, eof }: BodyArg) => {
      this.calls.push({ chunk: chunk.toString(), eof })
      this.waiting.shift()?.()
    },
  })

  /** What left in the next call that no one has asked for yet. */
  async next(): Promise<{ chunk: string; eof: boolean }> {
    if (this.calls.length === 0) await new Promise<void>((resolve) => this.waiting.push(resolve))
    return this.calls.shift()!
  }
}
