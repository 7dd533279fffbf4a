import { KongDouble, type Run } from '../../spec/support/kong-double.js'
import { listenAsKong } from '../../spec/support/kong-double-http.js'

/** A Kong double with several routes. */
export interface RoutedKong {
  readonly url: string
  /** As POST /config with the same content: every instance is replaced under running requests. */
  reload(): void
  close(): Promise<void>
}

/** @param configs of ai-proxy, by the first part of the path */
export async function routedKong(
  socket: string,
  configs: Readonly<Record<string, object>>,
): Promise<RoutedKong> {
  const doubles = new Map(
    Object.entries(configs).map(([route, config]) => [
      route,
      new KongDouble({ socket, plugin: 'ai-proxy', config, routePath: `/${route}` }),
    ]),
  )
  const doubleOf = ({ path = '/' }: { path?: string }) => {
    const [, route = ''] = path.split(/[/?]/)
    const double = doubles.get(route)
    if (!double) throw new Error(`no route for ${path}`)
    return double
  }
  const front = await listenAsKong(
    {
      begin: (client) => doubleOf(client).begin(client),
      beforeUpstream: (run: Run) => doubleOf(run.request).beforeUpstream(run),
      log: (run, status) => doubleOf(run.request).log(run, status),
    },
    { retries: 0, keepsRuns: false },
  )
  return {
    url: front.url,
    reload() {
      for (const double of doubles.values()) double.reload()
    },
    async close() {
      await front.close()
      for (const double of doubles.values()) double.close()
    },
  }
}
