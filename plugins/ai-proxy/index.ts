import { driverNames } from '../../lib/llm/drivers/index.js'
import { validateWith } from './schema.js'

export { AiProxy as Plugin } from './handler.js'
export { ConfigChecks, EntityChecks, EntityFields, Schema } from './schema.js'

export const Name = 'ai-proxy'
export const Version = '0.1.0'
/** Kong's own: after ai-prompt-*, before ai-response-transformer. */
export const Priority = 770
export const validate = validateWith(driverNames)
