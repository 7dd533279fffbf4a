import type { CloudAuthorizers } from '../../lib/credentials/cloud.js'
import { driverOf } from '../../lib/llm/drivers/index.js'
import { outlineOf } from '../../lib/llm/json-outline.js'
import type { JsonObject } from '../../lib/llm/json.js'
import type { ProcessSettings, Timeouts, UpstreamRequest } from '../../lib/pdk/exchange.js'
import type { HeaderRecord } from '../../lib/pdk/headers.js'
import { letGo } from '../../lib/pdk/held-bytes.js'
import type { Kong } from '../../lib/pdk/kong.js'
import { bytesWith, isJsonBody, outlinedBody, readClientBody, textWith } from './client-body.js'
import { type ClientRequest, contentTypeOf, queryOf, withinLimit } from './client-request.js'
import { fetchImages, takesImagesAsData } from './fetch-images.js'
import { readCall, translateCall, type ClientCall, type ProviderCall } from './request.js'
import type { AiProxyConfig, AiProxyModel } from './schema.js'
import type { Templates, TemplateSources } from './template.js'
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
  readonly timeouts: Timeouts
}

/** As many as the PDK gives. */
const MAX_HEADERS = 1000

/**
 * Reads a request and puts it in its provider's words: what `access` does wherever it runs. Of `kong` only what a real Kong
 * has is used, as it may be kong-pdk's bridge. Nothing is awaited but what has to be: each time costs, and is paid per request.
 *
 * @param rewrite changes what the client asked
 * @throws ChatError with what the client is to be told
 */
export async function prepare(
  kong: Kong,
  config: AiProxyConfig,
  made: Made,
  settings: ProcessSettings,
  rewrite?: (body: JsonObject) => JsonObject,
): Promise<Prepared> {
  const limit = config.max_request_body_size
  const raw = withinLimit(await kong.request.getRawBody(limit), limit)
  const headers = await kong.request.getHeaders(MAX_HEADERS)
  const path = readsPath(config) ? await kong.request.getPathWithQuery() : ''
  const captures = readsAddress(config) ? (await kong.request.getUriCaptures()).named : {}
  const method = passesAsItIs(config) ? await kong.request.getMethod() : 'POST'
  const client: ClientRequest = { method, path, rawQuery: queryOf(path), captures, headers, raw }
  const { needs, resolve } = made.templates
  const model = resolve(needs.size === 0 ? NO_SOURCES : await sourcesOf(kong, needs))
  let translated = rewrite ? undefined : passOn(config, model, client)
  if (!translated) {
    const reading = readClientBody(raw, contentTypeOf(client))
    const sent = reading instanceof Promise ? await reading : reading
    const body = rewrite ? { fields: rewrite(sent.fields), isJson: false } : sent
    const call = readCall(config, model, body, client)
    const decoded = takesImagesAsData(model) ? await fetchImages(config, model, call) : undefined
    const provider = translateCall(config, model, call, decoded)
    translated = { call, provider, body: outgoing(call, provider, raw, sent.text) }
  }
  const { call, provider, outlined } = translated
  const { request, mocked } = upstreamRequest(settings, config, made, model, client, translated)
  return { model, call, provider, request, mocked, clientHeaders: headers, outlined }
}

/** The client's own bytes, if they can go out. */
function outgoing(call: ClientCall, provider: ProviderCall, raw: Buffer, text: string | undefined) {
  const { added, request } = provider
  const isOwn = passes(call, provider, text)
  if (isOwn && !added) return raw
  letGo(raw)
  return isOwn ? textWith(added!, text!) : JSON.stringify(request.body)
}

/** A smaller body is sooner parsed. Bytes. */
const LARGE = 32 * 1024

/**
 * A large body whose own bytes go on is not parsed but for its outline.
 *
 * @returns undefined where something has to be changed after all
 */
function passOn(config: AiProxyConfig, model: AiProxyModel, client: ClientRequest): Translated | undefined {
  const { raw } = client
  if (raw.length < LARGE || !isJsonBody(contentTypeOf(client)) || !mayPassOn(config, model)) return undefined
  const outline = outlineOf(raw)
  if (!outline) return undefined
  const body = outlinedBody(raw, outline)
  const call = readCall(config, model, body, client)
  const provider = translateCall(config, model, call)
  if (!passes(call, provider, body.text)) return undefined
  const { added } = provider
  return { call, provider, body: added ? bytesWith(added, raw) : raw, outlined: raw }
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

/** The client's body goes out as it came, whatever it is. */
function passesAsItIs(config: AiProxyConfig): boolean {
  return config.route_type === 'preserve' || readsAddress(config)
}

/** Elsewhere the path says nothing, and no credential of the client's own may stand in its query. */
function readsPath(config: AiProxyConfig): boolean {
  return passesAsItIs(config) || config.auth?.allow_override === true
}

const NO_SOURCES: TemplateSources = {}

async function sourcesOf(kong: Kong, needs: Templates<AiProxyModel>['needs']): Promise<TemplateSources> {
  return {
    headers: needs.has('headers') ? await kong.request.getHeaders() : {},
    query_params: needs.has('query_params') ? await kong.request.getQuery() : {},
    uri_captures: needs.has('uri_captures') ? (await kong.request.getUriCaptures()).named : {},
  }
}
