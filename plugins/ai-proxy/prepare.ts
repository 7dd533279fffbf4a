import type { CloudAuthorizers } from '../../lib/credentials/cloud.js'
import { ChatError } from '../../lib/llm/errors.js'
import type { JsonObject } from '../../lib/llm/json.js'
import type { ProcessSettings, UpstreamRequest } from '../../lib/pdk/exchange.js'
import type { HeaderRecord } from '../../lib/pdk/headers.js'
import type { Kong } from '../../lib/pdk/kong.js'
import { readClientBody } from './client-body.js'
import { fetchImages } from './fetch-images.js'
import { readCall, translateCall, type ClientCall, type ProviderCall } from './request.js'
import type { AiProxyConfig, AiProxyModel } from './schema.js'
import type { Templates } from './template.js'
import { upstreamRequest } from './upstream-request.js'

/** A client's request, ready for its provider. */
export interface Prepared {
  readonly model: AiProxyModel
  readonly call: ClientCall
  readonly provider: ProviderCall
  readonly request: UpstreamRequest
  /** The provider's credential was empty and the mock answers. */
  readonly mocked: boolean
  /** As the client sent them, and plugins before this one left them. */
  readonly clientHeaders: HeaderRecord
}

/** What is made once for a config. */
export interface Made {
  readonly templates: Templates<AiProxyModel>
  readonly authorizers: CloudAuthorizers
}

/**
 * Reads a request and puts it in its provider's words: what `access` does wherever it runs. Of `kong` only what a real Kong
 * has is used, as it may be kong-pdk's bridge.
 *
 * @param rewrite changes what the client asked
 * @throws ChatError with what the client is to be told
 */
export async function prepare(
  kong: Kong,
  config: AiProxyConfig,
  { templates, authorizers }: Made,
  settings: ProcessSettings,
  rewrite?: (body: JsonObject) => JsonObject,
): Promise<Prepared> {
  const raw = await readBody(kong, config.max_request_body_size)
  const sentBody = await readClientBody(raw, await kong.request.getHeader('content-type'))
  const body = rewrite ? { fields: rewrite(sentBody.fields), isJson: false } : sentBody
  const model = await resolveModel(kong, templates)
  const captures = readsAddress(config) ? (await kong.request.getUriCaptures()).named : {}
  const call = readCall(config, model, body, await kong.request.getPathWithQuery(), captures)
  await fetchImages(config, model, call)
  const provider = translateCall(config, model, call)
  const sent = await upstreamRequest(kong, settings, config, model, call, provider, raw)
  const authorize = sent.mocked
    ? undefined
    : authorizers.of(model.provider, config.auth ?? {}, model.options ?? {})
  if (authorize) sent.request.authorize = authorize
  const { request, mocked, clientHeaders } = sent
  return { model, call, provider, request, mocked, clientHeaders }
}

/** Whether the route's captures may say what a request asks for, and of which model. */
export function readsAddress({ llm_format }: AiProxyConfig): boolean {
  return llm_format !== 'openai'
}

async function readBody(kong: Kong, limit: number): Promise<Buffer> {
  const raw = await kong.request.getRawBody(limit)
  // A real Kong gives what it has in memory, whatever the limit.
  if (raw && (limit === 0 || raw.length <= limit)) return raw
  throw new ChatError(413, `request body is larger than max_request_body_size (${limit} bytes)`, {
    code: 'request_too_large',
  })
}

async function resolveModel(kong: Kong, { needs, resolve }: Templates<AiProxyModel>): Promise<AiProxyModel> {
  return resolve({
    headers: needs.has('headers') ? await kong.request.getHeaders() : {},
    query_params: needs.has('query_params') ? await kong.request.getQuery() : {},
    uri_captures: needs.has('uri_captures') ? (await kong.request.getUriCaptures()).named : {},
  })
}
