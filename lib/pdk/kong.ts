import { client } from './client.js'
import { ctx } from './ctx.js'
import type { Exchange } from './exchange.js'
import { type AsyncFacade, asyncFacade, type SyncFacade, syncFacade } from './facade.js'
import { ip } from './ip.js'
import { log } from './log.js'
import { type PluginScope, Property, unavailable } from './method.js'
import { nginx } from './nginx.js'
import { node } from './node.js'
import { plugin } from './plugin-namespace.js'
import { request } from './request.js'
import { response } from './response.js'
import { router } from './router.js'
import { service } from './service.js'
import { telemetry } from './telemetry.js'
import { vault } from './vault.js'

/** Kong's PDK under kong-pdk's names (https://docs.konghq.com/gateway/latest/plugin-development/pdk/), and what we add to it. */
export const surface = {
  client,
  cluster: { getId: unavailable() },
  /** What the process was started with. */
  configuration: new Property(({ exchange }) => exchange.configuration),
  ctx,
  enterpriseEdition: {
    jwe: { decode: unavailable(), decrypt: unavailable(), encrypt: unavailable() },
  },
  ip,
  log,
  nginx,
  node,
  plugin,
  request,
  response,
  router,
  service,
  telemetry,
  vault,
}

type FilterPhase = 'header_filter' | 'body_filter'
type AsyncPhase = 'rewrite' | 'access' | 'response' | 'log'

const KongFacade = asyncFacade<typeof surface, AsyncPhase>(surface)
const FilterFacade = syncFacade<typeof surface, FilterPhase>(surface)

/** `kong` as `rewrite`, `access`, `response` and `log` see it: every method gives a promise, as in kong-pdk. */
export interface Kong extends AsyncFacade<typeof surface, AsyncPhase> {}

/** `kong` as the filters see it: the methods give their values and throw. Those that no filter may call are not in it. */
export interface FilterKong extends SyncFacade<typeof surface, FilterPhase> {}

/** One for all phases of a plugin in an exchange. */
export function createKong(exchange: Exchange, plugin: PluginScope): Kong {
  return new KongFacade({ exchange, plugin, exitedIn: undefined, namespaces: [] })
}

/** One for both filters of a plugin in an exchange. */
export function createFilterKong(exchange: Exchange, plugin: PluginScope): FilterKong {
  return new FilterFacade({ exchange, plugin, exitedIn: undefined, namespaces: [] })
}
