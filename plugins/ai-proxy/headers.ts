import { emptyHeaders, type HeaderRecord } from '../../lib/pdk/headers.js'

/**
 * What of the client's headers goes to a provider: nothing that could be a credential, and nothing of one hop. The
 * driver's own headers and the configured credential come on top.
 */
const TO_PROVIDER = [
  'user-agent',
  'accept-language',
  'idempotency-key',
  'x-client-request-id',
  'traceparent',
  'tracestate',
  'openai-beta',
  'anthropic-beta',
]

/** Where the body is the client's own, so are the headers that describe it. */
const OF_THE_BODY = ['content-type', 'accept']

export function headersToProvider(client: HeaderRecord, ownBody: boolean): HeaderRecord {
  const headers = pick(client, TO_PROVIDER)
  if (ownBody) Object.assign(headers, pick(client, OF_THE_BODY))
  // A provider that compresses all the same is understood, but its frames come late.
  headers['accept-encoding'] = 'identity'
  return headers
}

/** What of a provider's headers reaches the client: few, as a Kong in front has room for 4 KB of them. */
const TO_CLIENT =
  /^(request-id|x-request-id|retry-after|retry-after-ms|openai-processing-ms|openai-version|x-ratelimit-.*|anthropic-ratelimit-.*)$/

export function headersToClient(provider: HeaderRecord): HeaderRecord {
  return pick(
    provider,
    Object.keys(provider).filter((name) => TO_CLIENT.test(name)),
  )
}

function pick(from: HeaderRecord, names: readonly string[]): HeaderRecord {
  const picked = emptyHeaders()
  for (const name of names) {
    const value = from[name]
    if (value !== undefined) picked[name] = value
  }
  return picked
}

/** A header value of text that came from the network: visible ASCII, bounded. */
export function headerText(text: string, maxBytes: number): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, maxBytes)
}
