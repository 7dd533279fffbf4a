import { namesCloudCredential, usesCloud } from '../../lib/credentials/cloud.js'
import {
  authorizeStatic,
  queryValue,
  type ClientCredentials,
  type StaticAuth,
} from '../../lib/credentials/static.js'
import { resolveEndpoint } from '../../lib/llm/endpoint.js'
import { ChatError } from '../../lib/llm/errors.js'
import type { JsonObject } from '../../lib/llm/json.js'
import type { ProcessSettings, Timeouts, UpstreamRequest } from '../../lib/pdk/exchange.js'
import { firstHeader } from '../../lib/pdk/headers.js'
import type { ClientRequest } from './client-request.js'
import { headersToProvider } from './headers.js'
import type { Made } from './prepare.js'
import type { ClientCall, ProviderCall } from './request.js'
import { DEFAULT_TIMEOUTS } from './resilience-schema.js'
import type { AiProxyConfig, AiProxyModel } from './schema.js'

/** A call with the body that goes to its provider: the client's own bytes where nothing in them changes. */
export interface Translated {
  readonly call: ClientCall
  readonly provider: ProviderCall
  readonly body: Buffer | string
  /** The client's bytes, where the call reads more of them when it has to: held until they are let go. */
  readonly outlined?: Buffer
}

/**
 * The upstream request of a call: where it goes, with which headers, body and credential.
 *
 * @throws ChatError 500 where the configured credential is empty and no mock stands in
 */
export function upstreamRequest(
  settings: ProcessSettings,
  config: AiProxyConfig,
  { authorizers, timeouts }: Made,
  model: AiProxyModel,
  client: ClientRequest,
  { call, provider, body }: Translated,
): { request: UpstreamRequest; mocked: boolean } {
  const preserve = call.format === undefined
  const auth: StaticAuth = config.auth ?? {}
  const empty = emptyCredential(auth, client, call.body)
  const mock = empty === undefined && !lacksCloudCredential(config, model) ? undefined : settings.mockUrl
  if (empty !== undefined && mock === undefined) {
    throw new ChatError(500, `${empty} is empty: the provider's credential is not configured`, {
      param: empty,
      code: 'credential_missing',
    })
  }
  const { upstream_url, upstream_path } = model.options ?? {}
  const url = mock ?? (config.route_type === 'preserve' ? undefined : upstream_url)
  const { scheme, host, port, path, rawQuery } = resolveEndpoint(provider.request, {
    upstream_path,
    upstream_url: url,
  })
  const request: UpstreamRequest = {
    scheme,
    host,
    port,
    method: client.method,
    path,
    rawQuery,
    headers: Object.assign(headersToProvider(client.headers, preserve), provider.request.headers),
    body,
    timeouts,
    tlsVerify: true,
  }
  if (mock === undefined) {
    authorizeStatic(request, auth, client)
    const authorize = authorizers.of(model.provider, config.auth ?? {}, model.options ?? {})
    if (authorize) request.authorize = authorize
  }
  return { request, mocked: mock !== undefined }
}

/**
 * Whether the client's own bytes go out: not where a provider might read in them what we did not check.
 *
 * @param text the bytes as JSON, or their outline, which has the same fields
 */
export function passes(call: ClientCall, provider: ProviderCall, text: string | undefined): boolean {
  return provider.unchanged && (!call.format || (text !== undefined && !isAmbiguous(text)))
}

/** Fields that are checked here and acted upon there, and the beginning of a letter that is written as an escape. */
const CHECKED = /"(?:model|stream|messages|prompt|max_tokens|max_completion_tokens)(?=")|\\u00/g
const ESCAPED = '\\u00'

/**
 * Whether JSON may have a checked field twice, of which parsers take the first or the last: by the letter, or with a
 * letter written as an escape. Text that only looks like it costs no more than being written anew.
 */
function isAmbiguous(text: string): boolean {
  const seen: string[] = []
  CHECKED.lastIndex = 0
  for (let found = CHECKED.exec(text); found; found = CHECKED.exec(text)) {
    const [field] = found
    if (field === ESCAPED || seen.includes(field)) return true
    seen.push(field)
  }
  return false
}

/** What the runtime looks after; the other limits are the plugin's own. */
export function timeoutsOf({ timeouts = DEFAULT_TIMEOUTS }: AiProxyConfig): Timeouts {
  const { connect, headers, idle } = timeouts
  return { connect, headers, idle }
}

/** Whether nobody named the cloud's credential: a mock stands in then, and without one what the machine has is tried. */
function lacksCloudCredential({ auth }: AiProxyConfig, { provider }: AiProxyModel): boolean {
  return usesCloud(provider, auth ?? {}) && !namesCloudCredential(provider, auth ?? {})
}

/** The field of `auth` whose value resolved to nothing, while the client sends none that counts. */
function emptyCredential(auth: StaticAuth, client: ClientCredentials, body: JsonObject): string | undefined {
  const { header_name, header_value, param_name, param_value, param_location, allow_override } = auth
  if (header_name !== undefined && header_value === '') {
    if (!allow_override || !firstHeader(client.headers, header_name.toLowerCase()))
      return 'config.auth.header_value'
  }
  if (param_name !== undefined && param_value === '') {
    const own = param_location === 'query' ? queryValue(client, param_name) : body[param_name]
    if (!allow_override || !own) return 'config.auth.param_value'
  }
  return undefined
}
