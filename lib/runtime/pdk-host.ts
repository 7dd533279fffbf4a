import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { Logger, PdkHost } from '../pdk/method.js'
import { resolveReference } from './vault.js'

/** What this process gives to every plugin. No peer is trusted, as with Kong's default `trusted_ips`. */
export function processPdkHost(logger: Logger): PdkHost {
  return {
    nodeId: randomUUID(),
    hostname: hostname(),
    logger,
    isTrusted: () => false,
    secret(reference) {
      const found = resolveReference(reference, process.env)
      return 'value' in found ? found.value : undefined
    },
  }
}
