import {
  context,
  propagation,
  ROOT_CONTEXT,
  type Context,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import type { AttemptFailure } from '../../pdk/exchange.js'
import { firstHeader, type HeaderRecord } from '../../pdk/headers.js'
import type { LiveExchange } from '../exchange.js'
import { answerAttributes, callAttributes, requestAttributes, routeAttributes } from './span-attributes.js'
import type { ExchangeObserver } from './telemetry.js'

interface Spans {
  readonly server: Span
  readonly context: Context
  /** Of the attempt under way. */
  client: Span | undefined
}

const headerGetter = {
  get: (headers: HeaderRecord, name: string) => firstHeader(headers, name),
  keys: (headers: HeaderRecord) => Object.keys(headers),
}

const headerSetter = {
  set(headers: HeaderRecord, name: string, value: string) {
    headers[name.toLowerCase()] = value
  },
}

/**
 * OpenTelemetry spans: a server span for each exchange, below it a client span for each attempt at a provider, which gets the
 * trace's context in its headers. Who registers no SDK gets spans that do nothing.
 */
export class Tracing implements ExchangeObserver {
  readonly #tracer = trace.getTracer('kong-ai')
  readonly #spans = new WeakMap<LiveExchange, Spans>()

  begin(x: LiveExchange): void {
    const from = propagation.extract(ROOT_CONTEXT, x.request.headers, headerGetter)
    const server = this.#tracer.startSpan(
      x.request.method,
      { kind: SpanKind.SERVER, startTime: x.timings.start, attributes: requestAttributes(x) },
      from,
    )
    this.#spans.set(x, { server, context: trace.setSpan(from, server), client: undefined })
  }

  /** So that the spans of plugins and of what they use lie below the exchange's. */
  within(x: LiveExchange, run: () => Promise<void>): Promise<void> {
    return context.with(this.#spans.get(x)!.context, run)
  }

  attempt(x: LiveExchange): void {
    const spans = this.#spans.get(x)!
    const { modelCall, upstream } = x
    const name = modelCall ? `${modelCall.operation} ${modelCall.model}` : upstream.method
    const options = { kind: SpanKind.CLIENT, attributes: callAttributes(x) }
    spans.client = this.#tracer.startSpan(name, options, spans.context)
    propagation.inject(trace.setSpan(spans.context, spans.client), upstream.headers, headerSetter)
  }

  attemptFailed(x: LiveExchange, { kind, status, message }: AttemptFailure): void {
    const spans = this.#spans.get(x)!
    if (!spans.client) return
    fail(spans.client, status === undefined ? kind : String(status), message)
    spans.client.end()
    spans.client = undefined
  }

  end(x: LiveExchange): void {
    const { server, client } = this.#spans.get(x)!
    const { abort, response, serviceResponse, timings } = x
    if (client) {
      client.setAttributes(answerAttributes(x))
      const status = serviceResponse?.status ?? 0
      if (abort !== undefined) fail(client, abort, `the answer did not come to its end: ${abort}`)
      else if (status >= 400) fail(client, String(status))
      client.end(timings.end)
    }
    const { route, attributes } = routeAttributes(x)
    if (route !== undefined) server.updateName(`${x.request.method} ${route}`)
    server.setAttributes(attributes)
    if (abort !== undefined) fail(server, abort)
    else if (response.status >= 500) fail(server, String(response.status))
    server.end(timings.end)
  }
}

/** The error's class as an attribute, and its text as the event that the conventions have for it. */
function fail(span: Span, type: string, message?: string): void {
  span.setAttribute('error.type', type)
  span.setStatus({ code: SpanStatusCode.ERROR, ...(message !== undefined && { message }) })
  if (message === undefined) return
  span.addEvent('gen_ai.client.operation.exception', {
    'exception.type': type,
    'exception.message': message,
  })
}
