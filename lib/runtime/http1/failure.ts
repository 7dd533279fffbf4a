import type { AttemptFailure } from '../../pdk/exchange.js'

/** Codes of `node:net` and `node:dns`. Anything else that ends a connection has closed it. */
const KIND_OF_CODE: Readonly<Record<string, AttemptFailure['kind']>> = {
  ENOTFOUND: 'resolve',
  EAI_AGAIN: 'resolve',
  ECONNREFUSED: 'connect',
  EHOSTUNREACH: 'connect',
  ENETUNREACH: 'connect',
  EADDRNOTAVAIL: 'connect',
  ETIMEDOUT: 'timeout',
}

/** Codes of `node:tls`: its own, OpenSSL's, and those of certificates. */
const TLS_CODE =
  /^(ERR_TLS|ERR_SSL|ERR_OSSL|CERT_|CRL_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_|INVALID_CA|INVALID_PURPOSE|EPROTO)/

/**
 * What an error of a socket means for the attempt. Where the network or TLS fails a connection that had been made, the request may
 * have been done: that is not told as one that found no upstream, which others repeat.
 */
export function failureOf(error: Error & { code?: string }, isConnecting: boolean): AttemptFailure {
  const code = error.code ?? ''
  // One error for each address that was tried, under a common code.
  const { message } =
    error instanceof AggregateError ? ((error.errors[0] as Error | undefined) ?? error) : error
  return { kind: isConnecting ? kindOf(code) : code === 'ETIMEDOUT' ? 'timeout' : 'closed', message }
}

function kindOf(code: string): AttemptFailure['kind'] {
  return TLS_CODE.test(code) ? 'tls' : (KIND_OF_CODE[code] ?? 'closed')
}
