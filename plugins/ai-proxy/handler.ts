import { CloudAuthorizers } from '../../lib/credentials/cloud.js'
import type { Answer } from '../../lib/llm/answer.js'
import { createAnswer } from '../../lib/llm/answers/index.js'
import { ownAnswer } from '../../lib/llm/answers/own.js'
import { ChatError } from '../../lib/llm/errors.js'
import type { ProcessSettings } from '../../lib/pdk/exchange.js'
import type { FilterKong, Kong } from '../../lib/pdk/kong.js'
import type { BodyArg, DirectTarget, Plugin } from '../../lib/pdk/plugin.js'
import { requireFilters } from '../../lib/pdk/require-filters.js'
import { allowsDirect, sendDirectly } from './direct.js'
import { ErrorAnswer } from './error-answer.js'
import { exchangeLog } from './exchange-log.js'
import { exitWith, unanswered } from './exits.js'
import { answerHeaders, clearProviderHeaders, clearStreamHeaders, setAnswerHeaders } from './headers.js'
import { AiCall } from './model-call.js'
import { AnswerPayload, requestPayload } from './payload.js'
import { prepare, type Made, type Prepared } from './prepare.js'
import type { AiProxyConfig } from './schema.js'
import { statistics } from './statistics.js'
import { compileTemplates } from './template.js'

/** One request through the plugin: made in `access`, owned by its answer. Times are those of `performance.now()`. */
interface AiExchange extends Prepared {
  readonly started: number
  /** Itself, for who watches. */
  readonly watched: AiCall
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
  readonly #made: Made
  /** Whether the log says already that the mock stands in. */
  #toldOfMock = false
  readonly directAccess: Plugin['directAccess']

  constructor(config: AiProxyConfig) {
    this.#config = config
    this.#made = { templates: compileTemplates(config.model), authorizers: new CloudAuthorizers() }
    this.directAccess = allowsDirect(config)
      ? (kong, settings) => this.#directAccess(kong, settings)
      : undefined
  }

  async access(kong: Kong): Promise<void> {
    if (!(await requireFilters(kong))) return
    const started = performance.now()
    const prepared = await this.#prepare(kong, kong.configuration)
    if (!prepared) return
    const made = { ...prepared, started, payload: this.#payload(prepared), holdEnds: 0 }
    const exchange: AiExchange = Object.assign(made, { watched: new AiCall(made, this.#config.route_type) })
    kong.ctx.plugin.exchange = exchange
    await kong.telemetry.setModelCall(exchange.watched)
    await kong.service.setRequest(prepared.request)
    await kong.service.setAttempts((failure) => {
      exitWith(kong, unanswered(failure))
      return null
    })
  }

  async #directAccess(kong: Kong, settings: ProcessSettings): Promise<DirectTarget | undefined> {
    const prepared = await this.#prepare(kong, settings)
    return prepared && sendDirectly(kong, this.#config, prepared)
  }

  /** @returns undefined if the request has been answered with what is wrong with it */
  async #prepare(kong: Kong, settings: ProcessSettings): Promise<Prepared | undefined> {
    try {
      const prepared = await prepare(kong, this.#config, this.#made, settings)
      if (prepared.mocked && !this.#toldOfMock) {
        this.#toldOfMock = true
        await kong.log.warn(`${prepared.model.provider} has no credential: the mock provider answers`)
      }
      return prepared
    } catch (error) {
      if (!(error instanceof ChatError)) throw error
      exitWith(kong, error)
      return undefined
    }
  }

  #payload({ call, provider }: Prepared): AiExchange['payload'] {
    if (!this.#logsPayloads) return undefined
    const { route_type, auth } = this.#config
    return {
      request: requestPayload(call, provider, auth),
      answer: new AnswerPayload(call.format ? route_type : 'preserve', call.stream, call.model),
    }
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
    exchange.answer = this.#answer(exchange, status, kong.service.response.getHeader('content-type') ?? '')
    if (call.format) setAnswerHeaders(kong, call.stream)
    if (status < 300) kong.response.setHeaders(answerHeaders(this.#config, exchange))
    if (call.stream && !preserve) this.#hold(kong, exchange, exchange.answer)
  }

  #answer({ provider, call }: Prepared, status: number, contentType: string): Answer {
    const { own, format, stream, model, includeUsage, body } = call
    if (own && status < 300) return ownAnswer(own.api.reader(own.operation.name), stream, contentType)
    return createAnswer({
      driver: provider.driver,
      route: format ? this.#config.route_type : 'preserve',
      native: provider.native,
      stream,
      contentType,
      model,
      includeUsage,
      prompt: body,
    })
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
    const over = answer.state === 'done' || answer.state === 'failed'
    if (answer.counting && exchange.ended === undefined) flushOnce(answer.counting, kong)
    if (over || answer.counting) exchange.ended ??= performance.now()
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
    arg.eof = over
    // Of a format that we do not know, only a broken connection can say that it is not whole.
    if (exchange.call.format) delete arg.error
  }

  async log(kong: Kong): Promise<void> {
    const exchange = exchangeOf(kong)
    if (!exchange || !this.#config.logging.log_statistics) return
    const { started, payload, answer, firstOutput, watched } = exchange
    await watched.settle()
    const facts = answer?.facts
    const { meta, usage } = statistics({
      model: exchange.model,
      requestModel: exchange.call.model,
      pluginId: (await kong.plugin.getId()) ?? '',
      stream: exchange.call.stream,
      facts,
      latency: watched.latency,
      timeToFirstToken: firstOutput && firstOutput - started,
    })
    await kong.log.setSerializeValue('ai.proxy.meta', meta)
    await kong.log.setSerializeValue('ai.proxy.usage', usage)
    await kong.log.setSerializeValue('ai.proxy.exchange', await this.#exchangeLog(kong, exchange))
    if (payload) {
      const { request, answer } = payload
      await kong.log.setSerializeValue('ai.proxy.payload', { request, response: answer.text(facts?.usage) })
    }
  }

  async #exchangeLog(kong: Kong, { answer, provider }: AiExchange) {
    const status = await kong.service.response.getStatus()
    return exchangeLog({
      status,
      headers: status === undefined ? {} : await kong.service.response.getHeaders(),
      dropped: provider.request.dropped,
      facts: answer?.facts,
      transfer: await kong.telemetry.getTransfer(),
    })
  }

  get #logsPayloads(): boolean {
    const { log_statistics, log_payloads } = this.#config.logging
    return log_statistics && log_payloads
  }
}

/** The answer's rest goes out with its usage, if its client is still there. */
function flushOnce(counting: Promise<void>, kong: FilterKong): void {
  counting.then(() => kong.response.flushAfter(0)).catch(() => {})
}

function exchangeOf(kong: Kong | FilterKong): AiExchange | undefined {
  return kong.ctx.plugin.exchange as AiExchange | undefined
}
