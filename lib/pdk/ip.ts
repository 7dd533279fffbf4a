import { anyPhase, read } from './method.js'

/** `kong.ip`. https://docs.konghq.com/gateway/latest/plugin-development/pdk/kong.ip/ */
export const ip = {
  /** Whether the address is one of the trusted proxies, whose `X-Forwarded-*` headers count. */
  isTrusted: read(anyPhase, ({ plugin }, address: string) => plugin.host.isTrusted(address)),
}
