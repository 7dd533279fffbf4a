import { inspect } from 'node:util'
import type { Authorize } from '../../../lib/credentials/authorize.js'
import type { UpstreamRequest } from '../../../lib/pdk/exchange.js'
import { emptyHeaders } from '../../../lib/pdk/headers.js'

export function upstreamRequest(parts: Partial<UpstreamRequest> = {}): UpstreamRequest {
  return {
    scheme: 'https',
    host: 'provider.test',
    port: 443,
    method: 'POST',
    path: '/v1/chat',
    rawQuery: '',
    headers: emptyHeaders(),
    body: '{}',
    timeouts: { connect: 0, headers: 0, idle: 0 },
    tlsVerify: true,
    ...parts,
  }
}

/** The headers of a request once it is authorized. */
export async function authorized(authorize: Authorize): Promise<Record<string, string>> {
  const request = upstreamRequest()
  await authorize(request)
  return { ...request.headers } as Record<string, string>
}

/** The error of a request that could not be authorized. */
export async function refused(authorize: Authorize): Promise<Error> {
  try {
    await authorize(upstreamRequest())
  } catch (error) {
    if (error instanceof Error) return error
  }
  throw new Error('expected an error')
}

/** All that a log could show of an error: message, stack, causes and hidden fields. */
export function everythingOf(error: Error): string {
  return inspect(error, { depth: Infinity, showHidden: true, maxStringLength: null }) + (error.stack ?? '')
}
