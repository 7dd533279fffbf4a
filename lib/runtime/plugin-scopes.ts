import type { Exchange } from '../pdk/exchange.js'
import { createFilterKong, createKong, type FilterKong, type Kong } from '../pdk/kong.js'
import type { PdkHost } from '../pdk/method.js'
import type { PluginInstance } from './chain.js'

interface Facades {
  readonly plugin: PluginInstance
  readonly kong: Kong
  readonly filterKong: FilterKong
}

/** The `kong` of each plugin in one exchange: made when the plugin first runs, the same in all its phases. */
export class PluginScopes {
  /** A few at most. */
  readonly #facades: Facades[] = []

  constructor(
    private readonly exchange: Exchange,
    private readonly host: PdkHost,
  ) {}

  kong(plugin: PluginInstance): Kong {
    return this.#of(plugin).kong
  }

  filterKong(plugin: PluginInstance): FilterKong {
    return this.#of(plugin).filterKong
  }

  #of(plugin: PluginInstance): Facades {
    for (const one of this.#facades) if (one.plugin === plugin) return one
    const scope = { name: plugin.name, id: plugin.id, state: {}, host: this.host }
    const facades = {
      plugin,
      kong: createKong(this.exchange, scope),
      filterKong: createFilterKong(this.exchange, scope),
    }
    this.#facades.push(facades)
    return facades
  }
}
