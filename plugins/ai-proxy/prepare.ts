import type { CloudAuthorizers } from '../../lib/credentials/cloud.js'
import { driverOf } from '../../lib/llm/drivers/index.js'
import { ChatError } from '../../lib/llm/errors.js'
import { outlineOf } from '../../lib/llm/json-outline.js'
import type { JsonObject } from '../../lib/llm/json.js'
import type { ProcessSettings, UpstreamRequest } from '../../lib/pdk/exchange.js'
import type { HeaderRecord } from '../../lib/pdk/headers.js'
import { letGo } from '../../lib/pdk/held-bytes.js'
import type { Kong } from '../../lib/pdk/kong.js'
import { isJsonBody, outlinedBody, readClientBody } from './client-body.js'
import { fetchImages } from './fetch-images.js'
import { readCall, translateCall, type ClientCall, type ProviderCall } from './request.js'
import type { AiProxyConfig, AiProxyModel } from './schema.js'
import type { Templates } from './template.js'
import { passes, upstreamRequest, type Translated } from './upstream-request.js'

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
  readonly outlined: Translated['outlined']
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
  const client = {
    raw: await readBody(kong, config.max_request_body_size),
    contentType: await kong.request.getHeader('content-type'),
    path: await kong.request.getPathWithQuery(),
    captures: readsAddress(config) ? (await kong.request.getUriCaptures()).named : {},
  }
  const model = await resolveModel(kong, templates)
  const passing = rewrite ? undefined : passOn(config, model, client)
  const translated = passing ?? (await translate(config, model, client, rewrite))
  const { call, provider, outlined } = translated
  const sent = await upstreamRequest(kong, settings, config, model, translated)
  const authorize = sent.mocked
    ? undefined
    : authorizers.of(model.provider, config.auth ?? {}, model.options ?? {})
  if (authorize) sent.request.authorize = authorize
  const { request, mocked, clientHeaders } = sent
  return { model, call, provider, request, mocked, clientHeaders, outlined }
}

/** What of a client's request says what it asks for. */
interface ClientRequest {
  readonly raw: Buffer
  readonly contentType: string | undefined
  readonly path: string
  readonly captures: Readonly<Record<string, string>>
}

async function translate(
  config: AiProxyConfig,
  model: AiProxyModel,
  { raw, contentType, path, captures }: ClientRequest,
  rewrite: ((body: JsonObject) => JsonObject) | undefined,
): Promise<Translated> {
  const sent = await readClientBody(raw, contentType)
  const body = rewrite ? { fields: rewrite(sent.fields), isJson: false } : sent
  const call = readCall(config, model, body, path, captures)
  const decoded = await fetchImages(config, model, call)
  const provider = translateCall(config, model, call, decoded)
  if (passes(call, provider, raw)) return { call, provider, body: raw }
  letGo(raw)
  return { call, provider, body: JSON.stringify(provider.request.body) }
}

/** A smaller body is sooner parsed. Bytes. */
const LARGE = 32 * 1024

/**
 * A large body whose own bytes go on is not parsed but for its outline.
 *
 * @returns undefined where something has to be changed after all
 */
function passOn(
  config: AiProxyConfig,
  model: AiProxyModel,
  { raw, contentType, path, captures }: ClientRequest,
): Translated | undefined {
  if (raw.length < LARGE || !isJsonBody(contentType) || !mayPassOn(config, model)) return undefined
  const outline = outlineOf(raw)
  if (!outline) return undefined
  const call = readCall(config, model, outlinedBody(raw, outline), path, captures)
  const provider = translateCall(config, model, call)
  return passes(call, provider, outline.bytes) ? { call, provider, body: raw, outlined: raw } : undefined
}

/** Whether the provider speaks the client's format, and no log wants to see the body. */
function mayPassOn(
  { route_type, llm_format, logging }: AiProxyConfig,
  { provider, options }: AiProxyModel,
): boolean {
  if (route_type === 'preserve' || llm_format !== 'openai' || logging.log_payloads) return false
  return driverOf(provider, options)?.native?.[route_type] !== undefined
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
