import { loadDeclarative } from '../../lib/gateway/declarative.js'
import { Gateway } from '../../lib/gateway/gateway.js'
import { configSchema } from '../../lib/schema/schema.js'
import * as aiProxy from '../../plugins/ai-proxy/index.js'

/** What the process under test says of itself, on demand. */
export interface Probe {
  /** After a garbage collection. Bytes. */
  heap: number
  rss: number
  /** Sockets, timers and the like that are open. */
  handles: number
  unhandled: string[]
}

// A process of its own, so that nothing but the gateway is measured. Its config comes as the first message.
const ANY_PORT = { host: '127.0.0.1', port: 0 }
const unhandled: string[] = []
process.on('unhandledRejection', (reason) => unhandled.push(String(reason)))

process.once('message', (yaml: string) => void serve(yaml))

async function serve(yaml: string): Promise<void> {
  const schema = configSchema(aiProxy, 'ai-proxy')
  const loaded = loadDeclarative(yaml, { plugins: new Map([['ai-proxy', schema]]), env: {}, file: 'soak' })
  if ('faults' in loaded) throw new Error(JSON.stringify(loaded.faults))
  const gateway = await Gateway.start({
    config: loaded.config,
    plugins: new Map([['ai-proxy', { name: 'ai-proxy', module: aiProxy, schema }]]),
    proxyListen: ANY_PORT,
    statusListen: ANY_PORT,
    settings: {},
    log: { debug() {}, info() {}, warn() {}, error() {} },
  })
  process.on('message', () => process.send!(probe()))
  process.send!(gateway.proxyUrl)
}

function probe(): Probe {
  for (let i = 0; i < 3; i++) globalThis.gc?.()
  const { heapUsed, external, rss } = process.memoryUsage()
  return { heap: heapUsed + external, rss, handles: process.getActiveResourcesInfo().length, unhandled }
}
