import type { UpstreamRequest } from '../pdk/exchange.js'
import type { TokenCache } from './token-cache.js'

/**
 * Puts a credential on a finished request, in place of one that it may have. Fits `UpstreamRequest.authorize`.
 * Rejects with a `CredentialError`, whose message holds no secret. Is done at once where it has all it needs.
 */
export type Authorize = (request: UpstreamRequest) => void | Promise<void>

/** The variables of an environment, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>

/** `Authorization: Bearer`, RFC 6750 §2.1. */
export function bearer(tokens: TokenCache<string>): Authorize {
  return (request) => {
    const token = tokens.now()
    return token === undefined ? tokens.get().then((loaded) => put(loaded, request)) : put(token, request)
  }
}

function put(token: string, request: UpstreamRequest): void {
  request.headers.authorization = `Bearer ${token}`
}
