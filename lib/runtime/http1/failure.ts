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

/** What an error of a socket means for the attempt. */
export function failureOf(error: Error & { code?: string }): AttemptFailure {
  const code = error.code ?? ''
  // One error for each address that was tried, under a common code.
  const { message } =
    error instanceof AggregateError ? ((error.errors[0] as Error | undefined) ?? error) : error
  return { kind: TLS_CODE.test(code) ? 'tls' : (KIND_OF_CODE[code] ?? 'closed'), message }
}
