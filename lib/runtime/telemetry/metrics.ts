import { setImmediate } from 'node:timers/promises'
import type { AbortReason } from '../../pdk/model-call.js'
import type { LiveExchange } from '../exchange.js'
import type { LogSink } from '../log-sink.js'
import type { PlainMetric } from './metric-sums.js'
import { ModelNames, TOKEN_TYPES, type ModelLabels } from './model-labels.js'
import { metricText, processMetrics } from './prometheus.js'
import {
  bucketsMetric,
  MoreLabels,
  readMetric,
  type ReadMetric,
  SeriesCounter,
  SeriesHistogram,
} from './series.js'
import type { ExchangeObserver, Telemetry } from './telemetry.js'

/** Milliseconds: Kong's (kong/plugins/prometheus/exporter.lua), and the same with finer steps for a stream's first token. */
const PROVIDER_LATENCIES = [
  250, 500, 1000, 1500, 2000, 2500, 3000, 3500, 4000, 4500, 5000, 10_000, 30_000, 60_000,
]
const FIRST_TOKENS = [25, 50, 100, 200, 300, 500, 750, 1000, 1500, 2000, 3000, 5000, 10_000, 30_000, 60_000]
const TOKEN_RATES = [5, 10, 20, 30, 40, 50, 75, 100, 150, 200, 300, 500, 1000]

/**
 * The process's Prometheus metrics. Those of Kong's prometheus plugin have its names, labels and buckets
 * (https://docs.konghq.com/hub/kong-inc/prometheus/, `ai_metrics`), and count, as there, what a provider has answered.
 */
export class Metrics implements ExchangeObserver {
  readonly #metrics: ReadMetric[] = []
  readonly #models = new ModelNames()
  readonly #requests
  readonly #cost
  readonly #tokens
  readonly #providerLatency
  readonly #estimated
  readonly #answers
  readonly #aborts
  readonly #retries
  readonly #unknownFrames
  readonly #providerFirstToken
  readonly #firstToken
  readonly #tokenRate
  readonly #byStatus = new MoreLabels('status')
  readonly #byReason = new MoreLabels('reason')
  readonly #byType = new MoreLabels('token_type')

  constructor() {
    this.#requests = this.counter('kong_ai_llm_requests_total', 'Requests that a provider answered')
    this.#cost = this.counter('kong_ai_llm_cost_total', 'What they cost, by the configured prices')
    this.#tokens = this.counter('kong_ai_llm_tokens_total', 'Tokens of requests and answers')
    this.#providerLatency = this.histogram(
      'kong_ai_llm_provider_latency_ms',
      'From the request to the end of the answer, in milliseconds',
      PROVIDER_LATENCIES,
    )
    this.#estimated = this.counter(
      'kong_ai_llm_estimated_tokens_total',
      'Those of kong_ai_llm_tokens_total that the provider did not report and we counted',
    )
    this.#answers = this.counter('kong_ai_llm_answers_total', 'Answers that clients got, by status')
    this.#aborts = this.counter(
      'kong_ai_llm_aborts_total',
      'Answers that did not come to their end: by the client, the provider, a timeout or a limit',
    )
    this.#retries = this.counter('kong_ai_llm_retries_total', 'Requests to providers after the first')
    this.#unknownFrames = this.counter(
      'kong_ai_llm_unknown_frames_total',
      'Frames of providers that were passed over because nobody knows them',
    )
    this.#providerFirstToken = this.histogram(
      'kong_ai_llm_provider_first_token_ms',
      "From our request to the provider to its stream's first token, in milliseconds",
      FIRST_TOKENS,
    )
    this.#firstToken = this.histogram(
      'kong_ai_llm_first_token_ms',
      "From the client's request to the first token that left for it, in milliseconds",
      FIRST_TOKENS,
    )
    this.#tokenRate = this.histogram(
      'kong_ai_llm_tokens_per_second',
      'Tokens a second of a stream, after its first',
      TOKEN_RATES,
    )
  }

  /** Adds what is read off the exchanges under way. */
  watch(telemetry: Telemetry, sink: LogSink | undefined): void {
    this.#metrics.push(
      bucketsMetric(
        'kong_ai_frame_latency_ms',
        "From a read of a provider's stream to the hand-over of its frames to the client's connection, in milliseconds",
        [[{}, telemetry.frameLatency]],
      ),
    )
    this.gauge('kong_ai_open_exchanges', 'Requests that are not over', () => telemetry.open.size)
    this.gauge('kong_ai_open_streams', 'Streams of models that are not over', () => {
      return [...telemetry.open].filter(({ modelCall }) => modelCall?.stream).length
    })
    if (!sink) return
    this.total(
      'kong_ai_log_lines_dropped_total',
      'Log entries that the sink did not take in time',
      '',
      () => {
        return { lines: sink.dropped }
      },
    )
    this.gauge('kong_ai_log_lines_pending', 'Log entries that are on their way', () => sink.pending)
  }

  counter(name: string, help: string): SeriesCounter {
    const counter = new SeriesCounter(name, help)
    this.#metrics.push(counter.metric)
    return counter
  }

  /** @param bounds ascending */
  histogram(name: string, help: string, bounds: readonly number[]): SeriesHistogram {
    const histogram = new SeriesHistogram(name, help, bounds)
    this.#metrics.push(histogram.metric)
    return histogram
  }

  /** A gauge whose value is asked for when somebody looks. */
  gauge(name: string, help: string, value: () => number): void {
    this.#metrics.push(readMetric({ name, help, type: 'gauge' }, () => [{ labels: {}, value: value() }]))
  }

  /** A counter that somebody else keeps, by the values of one label; of `''` where it has none. */
  total(name: string, help: string, label: string, values: () => Readonly<Record<string, number>>): void {
    const series = () =>
      Object.entries(values()).map(([key, value]) => ({
        labels: label === '' ? {} : { [label]: key },
        value,
      }))
    this.#metrics.push(readMetric({ name, help, type: 'counter' }, series))
  }

  end(x: LiveExchange): void {
    const labels = this.#models.labels(x)
    const { modelCall: call, response, tries } = x
    if (!labels || !call) return
    this.#answers.inc(this.#byStatus.of(labels.model, statusOf(response.status)))
    const { abort } = x
    if (abort !== undefined) this.#aborts.inc(this.#byReason.of(labels.model, abort satisfies AbortReason))
    if (tries.length > 1) this.#retries.inc(labels.model, tries.length - 1)
    const { facts } = call
    if (facts && facts.unknownFrames > 0) this.#unknownFrames.inc(labels.model, facts.unknownFrames)
    if (isAnswered(x)) this.#answered(x, labels)
  }

  #answered(x: LiveExchange, labels: ModelLabels): void {
    const { cost, latency, facts, stream } = x.modelCall!
    const { model, kong, tokens } = labels
    this.#requests.inc(kong)
    if (cost > 0) this.#cost.inc(kong, cost)
    this.#providerLatency.observe(kong, Math.floor(latency))
    for (const token_type of TOKEN_TYPES) {
      const count = facts?.usage?.[token_type] ?? 0
      if (count <= 0) continue
      this.#tokens.inc(tokens[token_type], count)
      if (facts?.estimated) this.#estimated.inc(this.#byType.of(model, token_type), count)
    }
    if (stream) this.#streamed(x, labels, facts?.usage?.completion_tokens ?? 0)
  }

  #streamed({ flow, timings }: LiveExchange, { model }: ModelLabels, tokens: number): void {
    if (flow.firstOutput === 0) return
    this.#providerFirstToken.observe(model, flow.firstToken - timings.sent)
    this.#firstToken.observe(model, flow.firstOutput - timings.start)
    const seconds = (flow.lastOutput - flow.firstOutput) / 1000
    if (tokens > 1 && seconds > 0) this.#tokenRate.observe(model, (tokens - 1) / seconds)
  }

  /** Prometheus's text format. One metric a turn of the event loop: with many series the whole takes as long as a frame may. */
  async text(): Promise<string> {
    const texts: string[] = []
    for (const metric of this.#all()) {
      texts.push(await metricText(metric))
      await setImmediate()
    }
    return `${texts.join('\n\n')}\n`
  }

  /** One after the other, for a process that adds them to those of others; null behind the last. */
  async plain(place: number): Promise<PlainMetric | null> {
    return (await this.#all()[place]?.get()) ?? null
  }

  #all(): readonly ReadMetric[] {
    return [...this.#metrics, ...processMetrics()]
  }
}

function isAnswered({ serviceResponse }: LiveExchange): boolean {
  return serviceResponse !== undefined && serviceResponse.status >= 200 && serviceResponse.status < 300
}

/** A provider may answer with any number: three digits are a status. */
function statusOf(status: number): string {
  return status >= 100 && status <= 599 ? String(status) : 'other'
}
