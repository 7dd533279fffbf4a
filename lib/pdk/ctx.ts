import { anyPhase, Property, read, write } from './method.js'

/** `kong.ctx`: data that lives as long as the request. https://docs.konghq.com/gateway/latest/plugin-development/pdk/kong.ctx/ */
export const ctx = {
  /** The plugin's own state: a plain object, no other plugin sees it. */
  plugin: new Property(({ plugin }) => plugin.state),
  /** Seen by all plugins. */
  shared: {
    get: read(anyPhase, ({ exchange }, key: string): unknown => exchange.shared.get(key)),
    set: write(anyPhase, ({ exchange }, key: string, value: unknown): void => {
      exchange.shared.set(key, value)
    }),
  },
}
