import type { UpstreamRequest } from '../pdk/exchange.js'
import type { TokenCache } from './token-cache.js'

/**
 * Puts a credential on a finished request, in place of one that it may have. Fits `UpstreamRequest.authorize`.
 * Rejects with a `CredentialError`, whose message holds no secret.
 */
export type Authorize = (request: UpstreamRequest) => Promise<void>

/** The variables of an environment, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>

/** `Authorization: Bearer`, RFC 6750 §2.1. */
export function bearer(tokens: TokenCache<string>): Authorize {
  return async (request) => {
    request.headers.authorization = `Bearer ${await tokens.get()}`
  }
}
