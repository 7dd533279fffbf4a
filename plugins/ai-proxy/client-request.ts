import { ChatError } from '../../lib/llm/errors.js'
import { firstHeader, type HeaderRecord } from '../../lib/pdk/headers.js'

/** A client's request, as far as it says what is asked for and by whom. */
export interface ClientRequest {
  readonly method: string
  /** As sent, with its query; `''` where it says nothing. */
  readonly path: string
  /** Without the question mark; `''` if there is none. */
  readonly rawQuery: string
  /** Of the route's path, by name; none where they say nothing. */
  readonly captures: Readonly<Record<string, string>>
  readonly headers: HeaderRecord
  readonly raw: Buffer
}

export function contentTypeOf({ headers }: ClientRequest): string | undefined {
  return firstHeader(headers, 'content-type')
}

export function queryOf(path: string): string {
  const mark = path.indexOf('?')
  return mark === -1 ? '' : path.slice(mark + 1)
}

/**
 * The body, if it is no larger than it may be: a real Kong gives what it has in memory, whatever the limit.
 *
 * @throws ChatError 413
 */
export function withinLimit(raw: Buffer | undefined, limit: number): Buffer {
  if (raw && (limit === 0 || raw.length <= limit)) return raw
  throw new ChatError(413, `request body is larger than max_request_body_size (${limit} bytes)`, {
    code: 'request_too_large',
  })
}
