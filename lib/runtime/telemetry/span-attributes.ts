import type { Attributes } from '@opentelemetry/api'
import type { LiveExchange } from '../exchange.js'

// The names of the semantic conventions are written out: the package that has them as constants is 10 MB.

/**
 * OpenTelemetry's names of providers where they are not Kong's:
 * https://opentelemetry.io/docs/specs/semconv/registry/attributes/gen-ai/
 */
const PROVIDERS: Readonly<Record<string, string>> = {
  azure: 'azure.ai.openai',
  bedrock: 'aws.bedrock',
  gemini: 'gcp.gemini',
  mistral: 'mistral_ai',
  xai: 'x_ai',
}

/** https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-server */
export function requestAttributes({ request }: LiveExchange): Attributes {
  return {
    'http.request.method': request.method,
    'url.scheme': request.forwarded.scheme,
    'url.path': request.forwarded.path,
    'server.address': request.forwarded.host,
    'server.port': request.forwarded.port,
    'client.address': request.forwarded.ip,
    'network.protocol.version': request.httpVersion,
  }
}

/** What is known of the exchange at its end. The query is left out: it may hold credentials. */
export function routeAttributes(x: LiveExchange): { route: string | undefined; attributes: Attributes } {
  const route = routePath(x)
  return {
    route,
    attributes: {
      ...(route !== undefined && { 'http.route': route }),
      ...(x.response.committed && { 'http.response.status_code': x.response.status }),
      'http.response.body.size': x.bytesOut,
    },
  }
}

/** The first of the Route's paths: of few values, as a span's name must be. */
function routePath(x: LiveExchange): string | undefined {
  try {
    const paths = x.route?.paths
    return Array.isArray(paths) && typeof paths[0] === 'string' ? paths[0] : undefined
  } catch {
    return undefined // behind a Kong the Route is known where a plugin declares to read it
  }
}

/** https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/#inference, as far as it is known before the answer. */
export function callAttributes({ modelCall: call, upstream }: LiveExchange): Attributes {
  const where = { 'server.address': upstream.host, 'server.port': upstream.port }
  if (!call) return { 'http.request.method': upstream.method, ...where }
  return {
    'gen_ai.operation.name': call.operation,
    'gen_ai.provider.name': PROVIDERS[call.provider] ?? call.provider,
    'gen_ai.request.model': call.model,
    ...(call.stream && { 'gen_ai.request.stream': true }),
    ...(call.maxTokens !== undefined && { 'gen_ai.request.max_tokens': call.maxTokens }),
    ...(call.temperature !== undefined && { 'gen_ai.request.temperature': call.temperature }),
    ...(call.topP !== undefined && { 'gen_ai.request.top_p': call.topP }),
    ...where,
  }
}

/** The same, once the answer is over. */
export function answerAttributes({ modelCall, serviceResponse, flow, timings }: LiveExchange): Attributes {
  const facts = modelCall?.facts
  const finishReasons = facts?.finishReasons.filter((reason) => reason !== undefined) ?? []
  const cached = facts?.usage?.prompt_tokens_details?.cached_tokens
  return {
    ...(serviceResponse && { 'http.response.status_code': serviceResponse.status }),
    ...(facts?.model !== undefined && { 'gen_ai.response.model': facts.model }),
    ...(facts?.id !== undefined && { 'gen_ai.response.id': facts.id }),
    ...(finishReasons.length > 0 && { 'gen_ai.response.finish_reasons': finishReasons }),
    ...(modelCall?.stream &&
      flow.firstToken > 0 && {
        'gen_ai.response.time_to_first_chunk': (flow.firstToken - timings.sent) / 1000,
      }),
    ...(facts?.usage && {
      'gen_ai.usage.input_tokens': facts.usage.prompt_tokens,
      'gen_ai.usage.output_tokens': facts.usage.completion_tokens,
    }),
    ...(cached !== undefined && { 'gen_ai.usage.cache_read.input_tokens': cached }),
  }
}
