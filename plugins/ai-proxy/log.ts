import type { FilterKong, Kong } from '../../lib/pdk/kong.js'
import { exchangeLog } from './exchange-log.js'
import { AnswerPayload, requestPayload } from './payload.js'
import type { Prepared } from './prepare.js'
import type { AiExchange } from './run.js'
import type { AiProxyConfig } from './schema.js'
import { statistics } from './statistics.js'

/** Bodies for `log_payloads`, the answer's collected on its way. */
export interface Payload {
  readonly request: string | undefined
  readonly answer: AnswerPayload
}

/** @param begun collects already, for the answer that this one goes on with */
export function payloadOf(
  config: AiProxyConfig,
  { call, provider }: Prepared,
  begun: AnswerPayload | undefined,
): Payload | undefined {
  const { route_type, auth, logging } = config
  if (!logging.log_statistics || !logging.log_payloads) return undefined
  return {
    request: requestPayload(call, provider, auth),
    answer: begun ?? new AnswerPayload(call.format ? route_type : 'preserve', call.stream, call.model),
  }
}

/** Puts the last attempt at a request, and what was tried before it, into the log entry: `ai.proxy.*`. */
export async function logExchange(kong: Kong, exchange: AiExchange): Promise<void> {
  const { started, payload, answer, firstOutput, watched, run, provider, requestId } = exchange
  await watched.settle()
  const facts = answer?.facts
  const { meta, usage } = statistics({
    model: exchange.model,
    requestModel: exchange.call.model,
    pluginId: (await kong.plugin.getId()) ?? '',
    stream: exchange.call.stream,
    facts,
    cost: watched.cost,
    latency: watched.latency,
    // What our counting held back was there when the provider had ended.
    timeToFirstToken: firstOutput && Math.min(firstOutput - started, watched.latency),
  })
  const beyondKong = exchangeLog({
    status: await kong.service.response.getStatus(),
    requestId,
    dropped: provider.request.dropped,
    facts,
    transfer: await kong.telemetry.getTransfer(),
  })
  await kong.log.setSerializeValues({
    'ai.proxy.meta': meta,
    'ai.proxy.usage': usage,
    'ai.proxy.tried_targets': run.attempts.tried,
    'ai.proxy.exchange': beyondKong,
  })
  if (payload) {
    const { request, answer } = payload
    await kong.log.setSerializeValue('ai.proxy.payload', { request, response: answer.text(facts?.usage) })
  }
}

/** The headers in which providers give the id of a request. */
const REQUEST_IDS = ['x-request-id', 'request-id', 'apim-request-id', 'x-amzn-requestid', 'x-goog-request-id']

/** What the provider calls the request. */
export function requestIdOf(kong: FilterKong): string | undefined {
  return kong.service.response.findHeader(REQUEST_IDS)
}
