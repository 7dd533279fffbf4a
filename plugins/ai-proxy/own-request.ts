import type { Driver, ModelOptions } from '../../lib/llm/driver.js'
import { ownApis, type OwnApi, type OwnOperation } from '../../lib/llm/drivers/own-apis.js'
import { ChatError } from '../../lib/llm/errors.js'
import type { ClientCall } from './request.js'
import type { AiProxyConfig } from './schema.js'

/** A call in its provider's own format: what its address asks for. */
export interface OwnCall {
  readonly api: OwnApi
  readonly operation: OwnOperation
}

/** @returns undefined where clients speak OpenAI's format */
export function readOwnCall(
  { llm_format }: AiProxyConfig,
  path: string,
  captures: Readonly<Record<string, string>>,
): OwnCall | undefined {
  if (llm_format === 'openai') return undefined
  const api = ownApis.get(llm_format)
  if (!api) throw new ChatError(500, `llm_format ${llm_format} is not supported`)
  return { api, operation: api.operation(path.split('?', 1)[0]!, captures) }
}

/** The client's own body goes to the operation that it asked for; a configured model stands in for one that it does not name. */
export function ownRequest(
  driver: Driver,
  options: ModelOptions,
  call: ClientCall,
  { api, operation }: OwnCall,
) {
  const path = api.path(operation.name, call.model, options)
  const { headers = {} } = driver.preserve?.(path, options) ?? {}
  const { body } = call
  const lacksModel = api.modelIn === 'body' && Array.isArray(body.messages) && body.model === undefined
  return {
    origin: driver.origin(options),
    path: path + queryOf(call.path),
    headers,
    body: lacksModel ? { ...body, model: call.model } : body,
    dropped: [],
    changed: lacksModel,
  }
}

/** Names under which a client's query could carry a credential of its own. */
const CREDENTIALS = new Set(['key', 'api_key', 'apikey', 'api-key', 'access_token', 'oauth_token', 'token'])

/** How to answer (`alt=sse`, `beta=true`) is the client's to say; who pays is not. */
function queryOf(path: string): string {
  const mark = path.indexOf('?')
  const query = new URLSearchParams(mark === -1 ? '' : path.slice(mark))
  const kept = new URLSearchParams([...query].filter(([name]) => !CREDENTIALS.has(name.toLowerCase())))
  return kept.size > 0 ? `?${kept.toString()}` : ''
}
