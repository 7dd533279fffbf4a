import { decodeBody } from './body.js'
import { findHeader, type MultiMap, readHeader, readHeaders } from './header-values.js'
import { emptyHeaders, type HeaderRecord } from './headers.js'
import { checkLimit } from './lua.js'
import { afterUpstream, PdkError, read, type Scope } from './method.js'
import { type RawBody, rawBody } from './raw-body.js'

/** `kong.service.response`: the upstream's answer as it came. https://docs.konghq.com/gateway/latest/plugin-development/pdk/kong.service.response/ */
export const serviceResponse = {
  /** undefined if no upstream answered. */
  getStatus: read(afterUpstream, ({ exchange }) => exchange.serviceResponse?.status),
  /** The first value, any case, underscores for dashes; undefined if absent. */
  getHeader: read(afterUpstream, (scope, name: string) => readHeader(headers(scope), name)),
  /** Ours: the first value of the first of these headers that there is. Names are in lower case. */
  findHeader: read(afterUpstream, (scope, names: readonly string[]) => findHeader(headers(scope), names)),
  /** The first `maxHeaders` (100) header lines; every value is a list. */
  getHeaders: read(afterUpstream, (scope, maxHeaders?: number): MultiMap =>
    readHeaders(headers(scope), checkLimit(maxHeaders, 'max_headers')),
  ),
  /** The whole body, also as text: see {@link RawBody}. */
  getRawBody: read(afterUpstream, (scope): RawBody => rawBody(body(scope))),
  /** The body parsed by its content type, or by `mimeType`, as `kong.request.getBody` does it. */
  getBody: read(['response'], async (scope: Scope, mimeType?: string, maxArgs?: number): Promise<unknown> => {
    const type = mimeType ?? readHeader(headers(scope), 'content-type')
    return decodeBody(body(scope), type, checkLimit(maxArgs, 'max_args'))
  }),
}

function headers({ exchange }: Scope): HeaderRecord {
  return exchange.serviceResponse?.headers ?? emptyHeaders()
}

function body({ exchange }: Scope): Buffer {
  const bytes = exchange.serviceResponse?.body
  if (bytes === undefined) {
    throw new PdkError(
      'service body is only available with buffered proxying (see: kong.service.request.enableBuffering function)',
    )
  }
  return bytes
}
