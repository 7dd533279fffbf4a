import { usesCloud } from '../../lib/credentials/cloud.js'
import { driverOf } from '../../lib/llm/drivers/index.js'
import type { NativeRoute } from '../../lib/llm/driver.js'
import type { Kong } from '../../lib/pdk/kong.js'
import type { DirectTarget } from '../../lib/pdk/plugin.js'
import { answerHeaders } from './headers.js'
import type { Prepared } from './prepare.js'
import type { AiProxyAuth, AiProxyConfig } from './schema.js'

/**
 * Whether a real Kong may talk to the provider itself: where nothing of the answer has to be changed, looked at or logged, and
 * the credential is a fixed header or query parameter.
 */
export function allowsDirect(config: AiProxyConfig): boolean {
  const { response_streaming, llm_format, logging, strict, auth, targets, balancer, timeouts, limits } =
    config
  return (
    response_streaming === 'deny' &&
    llm_format === 'openai' &&
    passesUntranslated(config) &&
    auth !== undefined &&
    isFixedCredential(auth) &&
    !usesCloud(config.model.provider, auth) &&
    !logging.log_statistics &&
    !logging.log_payloads &&
    !strict &&
    // What Kong could not do, and we could not see.
    [targets, balancer, timeouts, limits].every((setting) => setting === undefined)
  )
}

function passesUntranslated({ route_type, model }: AiProxyConfig): boolean {
  if (route_type === 'preserve') return true
  return (
    driverOf(model.provider, model.options ?? {})?.native?.[route_type satisfies NativeRoute] !== undefined
  )
}

/** What of `auth` is for a fixed credential; the rest makes tokens and signatures. */
const FIXED = new Set<string>([
  'header_name',
  'header_value',
  'param_name',
  'param_value',
  'param_location',
  'allow_override',
] satisfies (keyof AiProxyAuth)[])

function isFixedCredential(auth: AiProxyAuth): boolean {
  const made = Object.entries(auth).some(([name, value]) => !FIXED.has(name) && Boolean(value))
  const { header_name, param_location } = auth
  return !made && param_location !== 'body' && (header_name !== undefined || param_location === 'query')
}

/** Of the client's headers, what Kong itself makes of a request; the rest is by allow list. */
const KONGS = new Set(['host', 'connection', 'content-length', 'transfer-encoding', 'expect'])

/**
 * Lets Kong send a prepared request to its provider. The target comes last: a request whose preparation breaks off before goes
 * where the Service leads, which is nowhere, and never to the provider with the client's credentials.
 */
export async function sendDirectly(
  kong: Kong,
  config: AiProxyConfig,
  prepared: Prepared,
): Promise<DirectTarget> {
  const { request, call, provider, clientHeaders } = prepared
  for (const name of Object.keys(clientHeaders)) {
    const stays = KONGS.has(name) || Object.hasOwn(request.headers, name)
    if (!stays) await kong.service.request.clearHeader(name)
  }
  await kong.service.request.setHeaders(request.headers)
  if (call.format) await kong.service.request.setMethod('POST')
  await kong.service.request.setPath(request.path)
  await kong.service.request.setRawQuery(request.rawQuery)
  // Kong has the client's own bytes. Bytes of ours are those with fields behind: as text, like all that goes over RPC.
  if (typeof request.body === 'string' || (request.body && provider.added)) {
    await kong.service.request.setRawBody(request.body.toString())
  }
  for (const [name, value] of Object.entries(answerHeaders(config, prepared))) {
    await kong.response.setHeader(name, value)
  }
  const { scheme, host, port } = request
  await kong.service.request.setScheme(scheme)
  await kong.service.setTarget(host, port)
  return { scheme, host, port }
}
