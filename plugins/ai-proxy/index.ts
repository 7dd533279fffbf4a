import { driverNames } from '../../lib/llm/drivers/index.js'
import { readsAddress } from './prepare.js'
import { validateWith, type AiProxyConfig } from './schema.js'
import { allTargets } from './targets.js'
import { compileTemplates } from './template.js'

export { AiProxy as Plugin } from './handler.js'
export { ConfigChecks, EntityChecks, EntityFields, Schema } from './schema.js'

export const Name = 'ai-proxy'
export const Version = '0.1.0'
/** Kong's own: after ai-prompt-*, before ai-response-transformer. */
export const Priority = 770
export const validate = validateWith(driverNames)

/** Of what only Kong knows, the plugin wants the captures of the route's path, and only where they can mean something. */
export function HandoverReads(config: AiProxyConfig): string[] {
  const named = allTargets(config).some(({ model }) => compileTemplates(model).needs.has('uri_captures'))
  const wants = readsAddress(config) || named
  return wants ? ['request.getUriCaptures'] : []
}
