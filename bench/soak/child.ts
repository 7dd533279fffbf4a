import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Probe } from './gateway.js'

export interface TestedGateway {
  readonly url: string
  probe(): Promise<Probe>
  stop(): Promise<void>
}

/** One route a provider: `/<provider>`, its model named by the client. */
export function configOf(upstream: string, models: Readonly<Record<string, object>>): string {
  const routes = Object.entries(models).map(([provider, options]) => ({
    name: provider,
    paths: [`/${provider}`],
    plugins: [
      {
        name: 'ai-proxy',
        config: {
          route_type: 'llm/v1/chat',
          auth: { header_name: 'authorization', header_value: 'Bearer soak' },
          model: { provider, options: { upstream_url: upstream, ...options } },
        },
      },
    ],
  }))
  return JSON.stringify({
    _format_version: '3.0',
    services: [{ name: 'llm', url: 'http://localhost:1', routes }],
  })
}

export async function startGateway(config: string): Promise<TestedGateway> {
  const child = fork(fileURLToPath(new URL('gateway.js', import.meta.url)), { execArgv: ['--expose-gc'] })
  const message = async (): Promise<unknown> => {
    const [said] = (await Promise.race([once(child, 'message'), gone])) as [unknown]
    return said
  }
  const gone = once(child, 'exit').then(([code]) => {
    throw new Error(`the gateway ended with ${String(code)}`)
  })
  gone.catch(() => {})
  child.send(config)
  const url = (await message()) as string
  return {
    url,
    async probe() {
      child.send('probe')
      return (await message()) as Probe
    },
    async stop() {
      child.kill()
      await gone.catch(() => {})
    },
  }
}
