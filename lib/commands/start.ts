import type { GatewayConfig, Route } from '../gateway/entities.js'
import { startMock } from '../mock/server.js'
import { GATEWAY_OPTIONS, startGateway, type StartedGateway } from './gateway.js'
import { type Command, mockOption, parseOptions, usage } from './options.js'
import { untilStopped } from './signals.js'

export const command: Command = { run: start, usage: usage('start [options]', GATEWAY_OPTIONS) }

/**
 * `kong-ai start`, what `npm start` runs: the gateway with a mock provider for the routes whose key is not set, and a
 * command to paste.
 */
async function start(args: string[]): Promise<number> {
  const given = mockOption(parseOptions(args, GATEWAY_OPTIONS, process.env))
  const mock = given === undefined ? await startMock() : undefined
  try {
    const started = await startGateway(args, { mockUrl: given ?? mock!.url, livePage: true })
    if (!started) return 1
    process.stdout.write(greeting(started))
    await untilStopped()
    await started.close()
    return 0
  } finally {
    // Also where the gateway could not start: a mock that listens keeps the process alive.
    await mock?.close()
  }
}

/** What the routes of `ai-proxy` lead to, and one request to try. */
function greeting({ proxyUrl: url, statusUrl, config }: StartedGateway): string {
  const routes = aiRoutes(config)
  const width = Math.max(0, ...routes.map(({ path }) => path.length))
  const lines = routes.map(({ path, provider, mocked }) => {
    return `  ${path.padEnd(width)}  ${provider}${mocked ? ' (mock: no key is set)' : ''}`
  })
  const example = routes.find(({ type }) => type === 'llm/v1/chat')
  return [
    `gateway on ${url}`,
    ...lines,
    `live streams on ${statusUrl}/`,
    ...(example ? ['', 'Try it:', '', curl(url + example.path, example.model), ''] : []),
    '',
  ].join('\n')
}

interface AiRoute {
  path: string
  provider: string
  type: string
  /** The model to name in a request, where the config names none. */
  model: string | undefined
  mocked: boolean
}

function aiRoutes({ routes, plugins }: GatewayConfig): AiRoute[] {
  return routes.flatMap((route: Route) => {
    const plugin = plugins.find(
      ({ name, ...scope }) =>
        name === 'ai-proxy' &&
        (scope.route?.id === route.id || (!scope.route && scope.service?.id === route.service?.id)),
    )
    const path = route.paths?.find((one) => !one.startsWith('~'))
    if (!plugin || path === undefined) return []
    const { route_type, model } = plugin.config as {
      route_type: string
      model: { provider: string; name?: string }
    }
    return {
      path,
      provider: model.name === undefined ? model.provider : `${model.provider}/${model.name}`,
      type: route_type,
      model: model.name === undefined ? 'any-model' : undefined,
      mocked: plugin.references.some(({ empty }) => empty),
    }
  })
}

function curl(url: string, model: string | undefined): string {
  const body = JSON.stringify({
    ...(model !== undefined && { model }),
    messages: [{ role: 'user', content: 'Say hello, one word at a time.' }],
    stream: true,
  })
  return `curl -N ${url} -H 'content-type: application/json' -d '${body}'`
}
