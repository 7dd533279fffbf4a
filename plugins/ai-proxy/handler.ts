import type { Answer } from '../../lib/llm/answer.js'
import { createAnswer } from '../../lib/llm/answers/index.js'
import { ChatError } from '../../lib/llm/errors.js'
import type { FilterKong, Kong } from '../../lib/pdk/kong.js'
import type { BodyArg, Plugin } from '../../lib/pdk/plugin.js'
import { readClientBody } from './client-body.js'
import { ErrorAnswer } from './error-answer.js'
import { exitWith, unanswered } from './exits.js'
import { clearProviderHeaders, clearStreamHeaders, headerText, setAnswerHeaders } from './headers.js'
import { AnswerPayload, requestPayload } from './payload.js'
import { readCall, translateCall, type ClientCall, type ProviderCall } from './request.js'
import type { AiProxyConfig, AiProxyModel } from './schema.js'
import { statistics } from './statistics.js'
import { compileTemplates, type Templates } from './template.js'
import { upstreamRequest } from './upstream-request.js'

/** One request through the plugin: made in `access`, owned by its answer. Times are those of `performance.now()`. */
interface AiExchange {
  readonly started: number
  readonly model: AiProxyModel
  readonly call: ClientCall
  readonly provider: ProviderCall
  /** The provider's credential was empty and the mock answers. */
  readonly mocked: boolean
  readonly payload: { request: string | undefined; answer: AnswerPayload } | undefined
  answer?: Answer
  /** When the first-frame hold is over; 0: there is none. */
  holdEnds: number
  /** When the first output went to the client. */
  firstOutput?: number
  ended?: number
}

const NOTHING = Buffer.alloc(0)

/**
 * `ai-proxy`: one OpenAI-format route in front of any provider. `access` sets the upstream request, the filters turn
 * the provider's frames into OpenAI's as they come.
 */
export class AiProxy implements Plugin {
  readonly #config: AiProxyConfig
  readonly #templates: Templates<AiProxyModel>
  /** Whether the log says already that the mock stands in. */
  #toldOfMock = false

  constructor(config: AiProxyConfig) {
    this.#config = config
    this.#templates = compileTemplates(config.model)
  }

  async access(kong: Kong): Promise<void> {
    try {
      await this.#access(kong)
    } catch (error) {
      if (!(error instanceof ChatError)) throw error
      exitWith(kong, error)
    }
  }

  async #access(kong: Kong): Promise<void> {
    const started = performance.now()
    const config = this.#config
    const raw = await kong.request.getRawBody(config.max_request_body_size)
    if (!raw) throw tooLarge(config.max_request_body_size)
    const body = await readClientBody(raw, await kong.request.getHeader('content-type'))
    const model = await this.#model(kong)
    const call = readCall(config, model, body, await kong.request.getPathWithQuery())
    const provider = translateCall(config, model, call)
    const { request, mocked } = await upstreamRequest(kong, config, model, call, provider, raw)
    if (mocked && !this.#toldOfMock) {
      this.#toldOfMock = true
      await kong.log.warn(`${model.provider} has no credential: the mock provider answers`)
    }
    const payload = this.#logsPayloads
      ? {
          request: requestPayload(call, provider, config.auth),
          answer: new AnswerPayload(config.route_type, call.stream, call.model),
        }
      : undefined
    const exchange: AiExchange = { started, model, call, provider, mocked, payload, holdEnds: 0 }
    kong.ctx.plugin.exchange = exchange
    await kong.service.setRequest(request)
    await kong.service.setAttempts((failure) => {
      exitWith(kong, unanswered(failure))
      return null
    })
  }

  async #model(kong: Kong): Promise<AiProxyModel> {
    const { needs } = this.#templates
    return this.#templates.resolve({
      headers: needs.has('headers') ? await kong.request.getHeaders() : {},
      query_params: needs.has('query_params') ? await kong.request.getQuery() : {},
      uri_captures: needs.has('uri_captures') ? (await kong.request.getUriCaptures()).named : {},
    })
  }

  headerFilter(kong: FilterKong): void {
    const exchange = exchangeOf(kong)
    const status = kong.service.response.getStatus()
    if (!exchange || status === undefined || kong.response.getSource() !== 'service') return
    const { provider, call } = exchange
    const preserve = call.format === undefined
    clearProviderHeaders(kong, preserve)
    if (exchange.mocked) kong.response.setHeader('X-Kong-AI-Mock', '1')
    if (!preserve && (status < 200 || status > 299)) {
      const retryAfter = kong.service.response.getHeader('retry-after')
      exchange.answer = new ErrorAnswer(provider.driver, status, retryAfter)
      return
    }
    exchange.answer = createAnswer({
      driver: provider.driver,
      route: this.#config.route_type,
      native: provider.native,
      stream: call.stream,
      contentType: kong.service.response.getHeader('content-type') ?? '',
      model: call.model,
      includeUsage: call.includeUsage,
    })
    this.#announce(kong, exchange, status)
    if (call.stream && !preserve) this.#hold(kong, exchange, exchange.answer)
  }

  #announce(kong: FilterKong, { provider, call, model }: AiExchange, status: number): void {
    if (call.format) setAnswerHeaders(kong, call.stream)
    const { dropped } = provider.request
    if (dropped.length > 0) kong.response.setHeader('X-Kong-LLM-Dropped', headerText(dropped.join(', ')))
    if (this.#config.model_name_header && call.model !== '' && status < 300) {
      kong.response.setHeader('X-Kong-LLM-Model', headerText(`${model.provider}/${call.model}`))
    }
  }

  #hold(kong: FilterKong, exchange: AiExchange, answer: Answer): void {
    const { hold_ms } = this.#config
    if (hold_ms === 0) {
      answer.release()
      return
    }
    exchange.holdEnds = performance.now() + hold_ms
    // A timer of Node's may be early by up to a millisecond.
    kong.response.flushAfter(hold_ms + 1)
  }

  /** A hot path: runs once per read from the provider. */
  bodyFilter(kong: FilterKong, arg: BodyArg): void {
    const exchange = exchangeOf(kong)
    const answer = exchange?.answer
    if (!answer) return
    if (arg.chunk.length > 0) answer.push(arg.chunk)
    if (arg.error !== undefined) {
      answer.fail(ChatError.badUpstream("the provider's answer was cut off", 'answer_cut_off'))
    } else if (arg.eof) {
      answer.end()
    } else if (answer.state === 'held' && exchange.holdEnds > 0 && performance.now() >= exchange.holdEnds) {
      answer.release()
    }
    const output = answer.read()
    if (answer.state === 'done' || answer.state === 'failed') exchange.ended ??= performance.now()
    if (output === undefined && answer.error && exchange.firstOutput === undefined) {
      clearStreamHeaders(kong)
      exitWith(kong, answer.error)
      return
    }
    if (output !== undefined) {
      exchange.firstOutput ??= performance.now()
      exchange.payload?.answer.push(output)
    }
    arg.chunk = output ?? NOTHING
    arg.eof = exchange.ended !== undefined
    // Of a format that we do not know, only a broken connection can say that it is not whole.
    if (exchange.call.format) delete arg.error
  }

  async log(kong: Kong): Promise<void> {
    const exchange = exchangeOf(kong)
    if (!exchange || !this.#config.logging.log_statistics) return
    const { started, payload, answer, firstOutput, ended = performance.now() } = exchange
    const facts = answer?.facts
    const { meta, usage } = statistics({
      model: exchange.model,
      requestModel: exchange.call.model,
      pluginId: (await kong.plugin.getId()) ?? '',
      stream: exchange.call.stream,
      facts,
      latency: ended - started,
      timeToFirstToken: firstOutput && firstOutput - started,
    })
    await kong.log.setSerializeValue('ai.proxy.meta', meta)
    await kong.log.setSerializeValue('ai.proxy.usage', usage)
    if (payload) {
      const { request, answer } = payload
      await kong.log.setSerializeValue('ai.proxy.payload', { request, response: answer.text(facts?.usage) })
    }
  }

  get #logsPayloads(): boolean {
    const { log_statistics, log_payloads } = this.#config.logging
    return log_statistics && log_payloads
  }
}

function exchangeOf(kong: Kong | FilterKong): AiExchange | undefined {
  return kong.ctx.plugin.exchange as AiExchange | undefined
}

function tooLarge(limit: number): ChatError {
  return new ChatError(413, `request body is larger than max_request_body_size (${limit} bytes)`, {
    code: 'request_too_large',
  })
}
