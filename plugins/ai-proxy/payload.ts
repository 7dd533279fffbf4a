import type { Usage } from '../../lib/llm/chat.js'
import type { RouteType } from '../../lib/llm/driver.js'
import { formats, type AnswerReader, type WholeSink } from '../../lib/llm/formats/index.js'
import { readData } from '../../lib/llm/formats/read-data.js'
import { SseReader } from '../../lib/llm/frames/sse.js'
import type { StaticAuth } from '../../lib/credentials/static.js'
import type { ClientCall, ProviderCall } from './request.js'

/** What is kept of a request and of an answer; a larger one is not logged. */
const MAX_PAYLOAD_BYTES = 8 * 1024 * 1024

/** Collects what the client got, for `log_payloads`: a body as it is, a stream as the object that it adds up to. */
export class AnswerPayload {
  private readonly pieces: Buffer[] = []
  private size = 0
  private readonly sink: WholeSink | undefined
  private readonly reader: SseReader | undefined

  constructor(route: RouteType, stream: boolean, model: string) {
    if (!stream || route === 'preserve') return
    this.sink = formats[route].whole({ model })
    this.reader = sseInto(formats[route].reader(this.sink))
  }

  /** Bytes on their way to the client. */
  push(bytes: Buffer): void {
    this.size += bytes.length
    if (this.size > MAX_PAYLOAD_BYTES) this.pieces.length = 0
    else if (this.reader) this.reader.push(bytes)
    else this.pieces.push(bytes)
  }

  /**
   * `undefined` if there is nothing to say.
   *
   * @param usage of a stream whose client did not ask for it
   */
  text(usage: Usage | undefined): string | undefined {
    if (this.size === 0 || this.size > MAX_PAYLOAD_BYTES) return undefined
    if (!this.sink) return Buffer.concat(this.pieces).toString()
    if (usage) this.sink.usage(usage)
    return JSON.stringify(this.sink.body())
  }
}

function sseInto(reader: AnswerReader): SseReader {
  return new SseReader(({ data }) => {
    const chunk = readData(data)
    if (chunk !== 'done' && chunk !== 'unknown') reader.chunk(chunk)
  })
}

/**
 * The body as it went to the provider, without the credential that may stand in it; `undefined` if it is no JSON, or too large.
 */
export function requestPayload(
  { isJson, format }: ClientCall,
  { request }: ProviderCall,
  { param_name, param_location }: StaticAuth = {},
): string | undefined {
  if (!isJson && !format) return undefined
  const hides = param_location === 'body' && param_name !== undefined && param_name in request.body
  const text = JSON.stringify(hides ? { ...request.body, [param_name]: 'REDACTED' } : request.body)
  return text.length > MAX_PAYLOAD_BYTES ? undefined : text
}
