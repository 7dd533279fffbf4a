import type { UpstreamRequest } from '../pdk/exchange.js'
import { firstHeader, type HeaderRecord } from '../pdk/headers.js'
import type { JsonObject } from '../llm/json.js'

/** The part of Kong's `config.auth` that is a name and a value. */
export interface StaticAuth {
  header_name?: string
  header_value?: string
  param_name?: string
  param_value?: string
  param_location?: 'query' | 'body'
  /** The client's own credential, if it sends one, goes to the provider instead of the configured one. */
  allow_override?: boolean
}

/** What a client sent, as far as `allow_override` looks at it. */
export interface ClientCredentials {
  headers: HeaderRecord
  /** Without the question mark. */
  rawQuery: string
}

/** The client's own value of a query parameter. */
export function queryValue({ rawQuery }: ClientCredentials, name: string): string | null {
  return rawQuery === '' ? null : new URLSearchParams(rawQuery).get(name)
}

/** Puts the configured header and query parameter on the request: the first in place of any of that name. */
export function authorizeStatic(request: UpstreamRequest, auth: StaticAuth, client: ClientCredentials): void {
  const { header_name, header_value, param_name, param_value, allow_override = false } = auth
  if (header_name !== undefined && header_value !== undefined) {
    const name = header_name.toLowerCase()
    request.headers[name] = (allow_override && firstHeader(client.headers, name)) || header_value
  }
  if (param_name !== undefined && param_value !== undefined && auth.param_location === 'query') {
    const query = new URLSearchParams(request.rawQuery)
    query.set(param_name, (allow_override && queryValue(client, param_name)) || param_value)
    request.rawQuery = query.toString()
  }
}

/**
 * The body field that carries the credential; `undefined` if the config has none.
 *
 * @param clientBody the client's own body: its value of that field wins under `allow_override`
 */
export function bodyCredential(auth: StaticAuth, clientBody: JsonObject): JsonObject | undefined {
  const { param_name, param_value, param_location, allow_override = false } = auth
  if (param_name === undefined || param_value === undefined || param_location !== 'body') {
    return undefined
  }
  const own = Object.hasOwn(clientBody, param_name) ? clientBody[param_name] : undefined
  return { [param_name]: (allow_override && own) || param_value }
}
