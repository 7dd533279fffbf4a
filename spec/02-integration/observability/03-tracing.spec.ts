import { context, propagation, type TextMapPropagator, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Kong } from '../../../lib/pdk/kong.js'
import { loadTracing } from '../../../lib/runtime/telemetry/load-tracing.js'
import { aiConfig, aiGateway, messages, phases, post } from '../../support/ai-gateway.js'
import { answering, EVENTS, JSON_TYPE, provider, SSE_TYPE, STREAM } from '../../support/ai-provider.js'
import { until } from '../../support/plugin-server.js'

const exporter = new InMemorySpanExporter()
const TRACE = '0af7651916cd43dd8448eb211c80319c'
const PARENT = 'b7ad6b7169203331'
const traceparent = `00-${TRACE}-${PARENT}-01`

/** W3C Trace Context, which an SDK for Node registers; https://www.w3.org/TR/trace-context/ */
const w3c: TextMapPropagator = {
  fields: () => ['traceparent'],
  inject(from, carrier, setter) {
    const { traceId, spanId, traceFlags } = trace.getSpanContext(from)!
    setter.set(carrier, 'traceparent', `00-${traceId}-${spanId}-0${traceFlags}`)
  },
  extract(into, carrier, getter) {
    const [, traceId, spanId, flags] = String(getter.get(carrier, 'traceparent')).split('-')
    if (!traceId || !spanId) return into
    return trace.setSpanContext(into, { traceId, spanId, traceFlags: Number(flags), isRemote: true })
  },
}

describe('without an SDK', () => {
  it('nothing of OpenTelemetry runs', async () => {
    expect(await loadTracing()).toBeUndefined()
  })

  it("a client's traceparent reaches the provider as it came", async () => {
    const upstream = await answering(200, SSE_TYPE, STREAM)
    const gateway = await aiGateway(aiConfig(upstream.url))
    await (await post(gateway, { messages, stream: true }, { headers: { traceparent } })).text()
    expect(upstream.requests[0]!.headers.traceparent).toBe(traceparent)
  })
})

describe('with an SDK', () => {
  beforeAll(() => {
    const spanProcessors = [new SimpleSpanProcessor(exporter)]
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors }))
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
    propagation.setGlobalPropagator(w3c)
  })
  afterAll(() => {
    trace.disable()
    context.disable()
    propagation.disable()
  })
  beforeEach(() => exporter.reset())

  /** The spans in the order of their ends: attempts, then the exchange. */
  async function spans(count: number): Promise<ReadableSpan[]> {
    await until(() => exporter.getFinishedSpans().length >= count)
    return exporter.getFinishedSpans()
  }

  it('an exchange is a server span with the call of the model below it', async () => {
    const upstream = await answering(200, SSE_TYPE, STREAM)
    const gateway = await aiGateway(aiConfig(upstream.url), { paths: ['/chat'] })
    const asked = { messages, stream: true, max_tokens: 50, temperature: 0.5, top_p: 0.9 }
    await (await post(gateway, asked, { headers: { traceparent } })).text()
    const [call, exchange] = await spans(2)
    expect(exchange).toMatchObject({
      name: 'POST /chat',
      kind: 1,
      parentSpanContext: { traceId: TRACE, spanId: PARENT },
      attributes: { 'http.request.method': 'POST', 'http.route': '/chat', 'http.response.status_code': 200 },
    })
    expect(call).toMatchObject({
      name: 'chat gpt-4o',
      kind: 2,
      parentSpanContext: { traceId: TRACE, spanId: exchange!.spanContext().spanId },
    })
    expect(call!.attributes).toEqual({
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'openai',
      'gen_ai.request.model': 'gpt-4o',
      'gen_ai.request.stream': true,
      'gen_ai.request.max_tokens': 50,
      'gen_ai.request.temperature': 0.5,
      'gen_ai.request.top_p': 0.9,
      'gen_ai.response.model': 'gpt-4o-2024-08-06',
      'gen_ai.response.id': 'chatcmpl-7',
      'gen_ai.response.finish_reasons': ['stop'],
      'gen_ai.response.time_to_first_chunk': expect.any(Number) as number,
      'gen_ai.usage.input_tokens': 25,
      'gen_ai.usage.output_tokens': 12,
      'http.response.status_code': 200,
      'server.address': '127.0.0.1',
      'server.port': upstream.port,
    })
    expect(upstream.requests[0]!.headers.traceparent).toBe(`00-${TRACE}-${call!.spanContext().spanId}-01`)
  })

  it.each([
    ['preserve', '/v1/embeddings', 'embeddings m'],
    ['preserve', '/v1/files', 'unknown m'],
    ['llm/v1/completions', '/', 'text_completion m'],
  ])('an operation is named for what it asks for: %s %s', async (route_type, path, name) => {
    const upstream = await answering(200, JSON_TYPE, '{"choices":[{"index":0,"text":"a"}]}')
    const model = { name: 'm' }
    const gateway = await aiGateway(aiConfig(`${upstream.url}/`, { route_type, model }))
    await (await post(gateway, { prompt: 'a' }, { path })).text()
    const [call] = await spans(2)
    expect(call!.name).toBe(name)
  })

  it('an error of the provider is the type of its span, and of the exchange where it is a server error', async () => {
    const upstream = await answering(503, JSON_TYPE, '{}')
    const gateway = await aiGateway(aiConfig(upstream.url))
    await (await post(gateway, { messages })).text()
    const [call, exchange] = await spans(2)
    expect(call).toMatchObject({ attributes: { 'error.type': '503' }, status: { code: 2 } })
    expect(exchange).toMatchObject({ attributes: { 'error.type': '503' }, status: { code: 2 } })
  })

  it('a cut stream says so in both, with the event of the conventions', async () => {
    const upstream = await provider(({ head, response }) => {
      head(200, SSE_TYPE)
      response.write(EVENTS.role + EVENTS.hello, () => response.destroy())
    })
    const gateway = await aiGateway(aiConfig(upstream.url))
    await (await post(gateway, { messages, stream: true })).text()
    const [call, exchange] = await spans(2)
    expect(call).toMatchObject({
      attributes: { 'error.type': 'provider' },
      events: [{ name: 'gen_ai.client.operation.exception', attributes: { 'exception.type': 'provider' } }],
    })
    expect(exchange!.attributes['error.type']).toBe('provider')
  })

  it('each attempt has a span of its own', async () => {
    const upstream = await provider(({ response }) => {
      response.writeHead(upstream.requests.length === 1 ? 500 : 200, SSE_TYPE)
      response.end(upstream.requests.length === 1 ? '{}' : STREAM)
    })
    const config = aiConfig(upstream.url, { balancer: { retries: 1, failover_criteria: ['http_500'] } })
    const gateway = await aiGateway(config)
    await (await post(gateway, { messages, stream: true })).text()
    const [first, second, exchange] = await spans(3)
    expect(first!.attributes['error.type']).toBe('500')
    expect(second!.attributes).not.toHaveProperty('error.type')
    for (const call of [first, second]) {
      expect(call!.name).toBe('chat gpt-4o')
      expect(call!.parentSpanContext?.spanId).toBe(exchange!.spanContext().spanId)
    }
  })

  it("the spans of plugins lie below the exchange's", async () => {
    const upstream = await answering(200, SSE_TYPE, STREAM)
    const plugin = phases('spans', {
      async access(kong: Kong) {
        await kong.request.getPath()
        trace.getTracer('a-plugin').startSpan('looks something up').end()
      },
    })
    const gateway = await aiGateway(aiConfig(upstream.url), { modules: [plugin] })
    await (await post(gateway, { messages, stream: true })).text()
    const [own, , exchange] = await spans(3)
    expect(own!.name).toBe('looks something up')
    expect(own!.parentSpanContext?.spanId).toBe(exchange!.spanContext().spanId)
  })
})
