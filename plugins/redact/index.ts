export { Redact as Plugin } from './handler.js'
export { Schema } from './schema.js'

export const Name = 'redact'
export const Version = '0.1.0'
/** After ai-proxy (770) on the way back too: it sees what the client would. */
export const Priority = 700
/** It sends requests nowhere of its own: behind a real Kong the Service says where they go. */
export const HandoverReads = ['router.getService'] as const
