import { anyPhase, read } from './method.js'

/** `kong.plugin`. https://docs.konghq.com/gateway/latest/plugin-development/pdk/kong.plugin/ */
export const plugin = {
  /** The id of this configuration of the plugin. */
  getId: read(anyPhase, ({ plugin }) => plugin.id),
}
