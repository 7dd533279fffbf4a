import { authorizeStatic, type StaticAuth } from '../../lib/credentials/static.js'
import { resolveEndpoint } from '../../lib/llm/endpoint.js'
import { ChatError } from '../../lib/llm/errors.js'
import type { Timeouts, UpstreamRequest } from '../../lib/pdk/exchange.js'
import type { Kong } from '../../lib/pdk/kong.js'
import { headersToProvider } from './headers.js'
import type { ClientCall, ProviderCall } from './request.js'
import type { AiProxyModel } from './model-schema.js'
import type { AiProxyConfig } from './schema.js'

const TIMEOUTS: Timeouts = { connect: 10_000, headers: 60_000, idle: 120_000 }

/**
 * The upstream request of a call: where it goes, with which headers, body and credential.
 *
 * @throws ChatError 500 where the configured credential is empty and no mock stands in
 */
export async function upstreamRequest(
  kong: Kong,
  config: AiProxyConfig,
  model: AiProxyModel,
  call: ClientCall,
  provider: ProviderCall,
  raw: Buffer,
): Promise<{ request: UpstreamRequest; mocked: boolean }> {
  const preserve = call.format === undefined
  const auth: StaticAuth = config.auth ?? {}
  const empty = emptyCredential(auth)
  const mock = empty === undefined ? undefined : kong.configuration.mockUrl
  if (empty !== undefined && mock === undefined) {
    throw new ChatError(500, `${empty} is empty: the provider's credential is not configured`, {
      param: empty,
      code: 'credential_missing',
    })
  }
  const endpoint = resolveEndpoint(provider.request, {
    ...model.options,
    ...(mock !== undefined && { upstream_url: mock }),
  })
  const client = {
    headers: (await kong.request.getHeaders()) as Record<string, string | string[]>,
    query: new URLSearchParams(await kong.request.getRawQuery()),
  }
  const request: UpstreamRequest = {
    ...endpoint,
    method: preserve ? await kong.request.getMethod() : 'POST',
    headers: { ...headersToProvider(client.headers, preserve), ...provider.request.headers },
    body: provider.unchanged ? raw : JSON.stringify(provider.request.body),
    timeouts: TIMEOUTS,
    tlsVerify: true,
  }
  if (mock === undefined) authorizeStatic(request, auth, client)
  return { request, mocked: mock !== undefined }
}

/** The field of `auth` whose value resolved to nothing, so that no provider would take the request. */
function emptyCredential(auth: StaticAuth): string | undefined {
  if (auth.header_name !== undefined && auth.header_value === '') return 'config.auth.header_value'
  if (auth.param_name !== undefined && auth.param_value === '') return 'config.auth.param_value'
  return undefined
}
