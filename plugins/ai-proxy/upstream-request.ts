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
import { firstHeader, type HeaderRecord } from '../../lib/pdk/headers.js'
import type { Kong } from '../../lib/pdk/kong.js'
import { headersToProvider } from './headers.js'
import type { ClientCall, ProviderCall } from './request.js'
import { DEFAULT_TIMEOUTS } from './resilience-schema.js'
import type { AiProxyConfig, AiProxyModel } from './schema.js'

/** As many as the PDK gives. */
const MAX_HEADERS = 1000

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
export async function upstreamRequest(
  kong: Kong,
  settings: ProcessSettings,
  config: AiProxyConfig,
  model: AiProxyModel,
  { call, provider, body }: Translated,
): Promise<{ request: UpstreamRequest; mocked: boolean; clientHeaders: HeaderRecord }> {
  const preserve = call.format === undefined
  const auth: StaticAuth = config.auth ?? {}
  const client = {
    headers: await kong.request.getHeaders(MAX_HEADERS),
    rawQuery: await kong.request.getRawQuery(),
  }
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
    method: preserve ? await kong.request.getMethod() : 'POST',
    path,
    rawQuery,
    headers: Object.assign(headersToProvider(client.headers, preserve), provider.request.headers),
    body,
    timeouts: timeoutsOf(config),
    tlsVerify: true,
  }
  if (mock === undefined) authorizeStatic(request, auth, client)
  return { request, mocked: mock !== undefined, clientHeaders: client.headers }
}

/**
 * Whether the client's own bytes go out: not where a provider might read in them what we did not check.
 *
 * @param raw the bytes, or those of their outline, which has the same fields
 */
export function passes(call: ClientCall, provider: ProviderCall, raw: Buffer): boolean {
  return provider.unchanged && (!call.format || !isAmbiguous(raw))
}

/** Fields that are checked here and acted upon there. */
const CHECKED = ['"model"', '"stream"']

/**
 * Whether JSON may have a checked field twice, of which parsers take the first or the last: by the letter, or with a
 * letter written as an escape. Text that only looks like it costs no more than being written anew.
 */
function isAmbiguous(raw: Buffer): boolean {
  return raw.includes('\\u00') || CHECKED.some((field) => isTwice(raw, field))
}

function isTwice(raw: Buffer, field: string): boolean {
  const first = raw.indexOf(field)
  return first !== -1 && raw.includes(field, first + 1)
}

/** What the runtime looks after; the other limits are the plugin's own. */
function timeoutsOf({ timeouts = DEFAULT_TIMEOUTS }: AiProxyConfig): Timeouts {
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
