import type { FilterKong } from '../../lib/pdk/kong.js'
import { PreparedHeaders } from '../../lib/pdk/header-values.js'
import { emptyHeaders, type HeaderRecord } from '../../lib/pdk/headers.js'
import type { Prepared } from './prepare.js'
import type { AiProxyConfig } from './schema.js'

/**
 * What of the client's headers goes to a provider: nothing that could be a credential, and nothing of one hop. The
 * driver's own headers and the configured credential come on top.
 */
const TO_PROVIDER = new Set([
  'user-agent',
  'accept-language',
  'idempotency-key',
  'x-client-request-id',
  'traceparent',
  'tracestate',
  'openai-beta',
  'anthropic-beta',
])

/** Where the body is the client's own, so are the headers that describe it. */
const WITH_BODY = new Set([...TO_PROVIDER, 'content-type', 'content-encoding', 'accept'])

/** @param ownBody the client's body goes out as it came */
export function headersToProvider(client: HeaderRecord, ownBody: boolean): HeaderRecord {
  const headers = emptyHeaders()
  const wanted = ownBody ? WITH_BODY : TO_PROVIDER
  for (const name of Object.keys(client)) {
    if (!wanted.has(name)) continue
    const value = client[name]!
    const lines = (Array.isArray(value) ? value : [value]).filter(isPlain)
    if (lines.length > 0) headers[name] = lines
  }
  // A provider that compresses all the same is understood, but its frames come late.
  headers['accept-encoding'] = 'identity'
  return headers
}

/** Nothing in it needs an encoding; HTTP leaves open which one other text has (RFC 9110 §5.5). */
function isPlain(value: string): boolean {
  return PLAIN.test(value)
}

const PLAIN = /^[\t\x20-\x7e]*$/

/** What of a provider's headers reaches the client: few, as a Kong in front has room for 4 KB of them. */
const TO_CLIENT: ReadonlySet<string> = new Set([
  'request-id',
  'x-request-id',
  'retry-after',
  'retry-after-ms',
  'openai-processing-ms',
  'openai-version',
])

function isForClient(name: string): boolean {
  return TO_CLIENT.has(name) || name.startsWith('x-ratelimit-') || name.startsWith('anthropic-ratelimit-')
}

function isNoCookie(name: string): boolean {
  return name !== 'set-cookie'
}

/** Takes out of the answer what the provider said of itself; on `preserve` routes only its cookies. */
export function clearProviderHeaders(kong: FilterKong, preserve: boolean): void {
  kong.response.clearServiceHeaders(preserve ? isNoCookie : isForClient)
}

const OF_A_BODY = { 'Content-Type': 'application/json; charset=utf-8' }
const OF_A_STREAM = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-cache',
  'X-Accel-Buffering': 'no',
}
/** Of an answer that is not in a format of ours. */
const OF_ANOTHER = {}

type Own = typeof OF_A_BODY | typeof OF_A_STREAM | typeof OF_ANOTHER

function ownHeaders({ format, stream }: Prepared['call']): Own {
  if (!format) return OF_ANOTHER
  return stream ? OF_A_STREAM : OF_A_BODY
}

/** The headers that a target's answers get. They are the same ones nearly always, and made once. */
export class AnswerHeaders {
  /** With the models that they name. */
  readonly #made = new Map<Own, { provider: string; model: string; headers: PreparedHeaders }>()

  /** @param tried further ones, of what was tried before */
  of(config: AiProxyConfig, prepared: Prepared, tried: Record<string, string> | undefined): PreparedHeaders {
    const own = ownHeaders(prepared.call)
    const { model } = prepared.call
    const { provider } = prepared.model
    const isUsual = !tried && !prepared.mocked && prepared.provider.request.dropped.length === 0
    const known = isUsual ? this.#made.get(own) : undefined
    if (known?.model === model && known.provider === provider) return known.headers
    const headers = new PreparedHeaders({ ...own, ...answerHeaders(config, prepared), ...tried })
    if (isUsual) this.#made.set(own, { provider, model, headers })
    return headers
  }
}

/** What an answer says of the way that its request took. */
export function answerHeaders(
  { model_name_header }: AiProxyConfig,
  { mocked, provider, model, call }: Prepared,
): Record<string, string> {
  const { dropped } = provider.request
  const named = model_name_header && call.model !== ''
  const headers: Record<string, string> = {}
  if (mocked) headers['X-Kong-AI-Mock'] = '1'
  if (dropped.length > 0) headers['X-Kong-LLM-Dropped'] = headerText(dropped.join(', '))
  if (named) headers['X-Kong-LLM-Model'] = headerText(`${model.provider}/${call.model}`)
  return headers
}

/** For an error in place of the stream that had been announced. */
export function clearStreamHeaders(kong: FilterKong): void {
  for (const name of Object.keys(OF_A_STREAM)) kong.response.clearHeader(name)
}

const MAX_VALUE_BYTES = 512

/** A header value of text that came from the network: visible ASCII, bounded. */
export function headerText(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, MAX_VALUE_BYTES)
}
