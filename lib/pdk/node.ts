import { anyPhase, read, unavailable } from './method.js'

/** `kong.node`: this process. https://docs.konghq.com/gateway/latest/plugin-development/pdk/kong.node/ */
export const node = {
  getId: read(anyPhase, ({ plugin }) => plugin.host.nodeId),
  getHostname: read(anyPhase, ({ plugin }) => plugin.host.hostname),
  getMemoryStats: unavailable('see process.memoryUsage of Node.js'),
}
