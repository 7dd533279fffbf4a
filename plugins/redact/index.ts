export { Redact as Plugin } from './handler.js'
export { Schema } from './schema.js'

export const Name = 'redact'
export const Version = '0.1.0'
/** After ai-proxy (770) on the way back too: it sees what the client would. */
export const Priority = 700
