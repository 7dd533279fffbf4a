import type { Answer } from '../../lib/llm/answer.js'
import { createAnswer } from '../../lib/llm/answers/index.js'
import { ChatError } from '../../lib/llm/errors.js'
import type { AttemptFailure } from '../../lib/pdk/exchange.js'
import type { FilterKong, Kong } from '../../lib/pdk/kong.js'
import type { BodyArg, Plugin } from '../../lib/pdk/plugin.js'
import { readClientBody } from './client-body.js'
import { ErrorAnswer } from './error-answer.js'
import { headersToClient, headerText } from './headers.js'
import { readCall, translateCall, type ClientCall, type ProviderCall } from './request.js'
import type { AiProxyConfig, AiProxyModel } from './schema.js'
import { statistics } from './statistics.js'
import { compileTemplates, type Templates } from './template.js'
import { upstreamRequest } from './upstream-request.js'

/** One request through the plugin: made in `access`, owned by its answer. */
interface AiExchange {
  readonly started: number
  readonly model: AiProxyModel
  readonly call: ClientCall
  readonly provider: ProviderCall
  /** Whether the provider's credential was empty and the mock answers. */
  readonly mocked: boolean
  answer?: Answer
  /** When the first-frame hold is over, in milliseconds of `performance.now()`. */
  holdEnds: number
  /** When the first output went to the client. */
  firstOutput?: number
}

const NOTHING = Buffer.alloc(0)
const DROPPED_BYTES = 512

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
    const call = readCall(config, model, body, await clientPath(kong))
    const provider = translateCall(config, model, call)
    const { request, mocked } = await upstreamRequest(kong, config, model, call, provider, raw)
    if (mocked && !this.#toldOfMock) {
      this.#toldOfMock = true
      await kong.log.warn(`${model.provider} has no credential: the mock provider answers`)
    }
    const exchange: AiExchange = { started, model, call, provider, mocked, holdEnds: 0 }
    kong.ctx.plugin.exchange = exchange
    await kong.service.setRequest(request)
    await kong.service.setAttempts((failure) => noMoreAttempts(kong, failure))
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
    if (!exchange || kong.response.getSource() !== 'service') return
    const { provider, call, model } = exchange
    const status = kong.response.getStatus()
    const contentType = kong.service.response.getHeader('content-type')
    const preserve = call.format === undefined
    clearProviderHeaders(kong, preserve)
    const failed = status >= 300 && !preserve
    exchange.answer = failed
      ? new ErrorAnswer(provider.driver, status, kong.service.response.getHeader('retry-after'))
      : createAnswer({
          driver: provider.driver,
          route: this.#config.route_type,
          native: provider.native,
          stream: call.stream,
          contentType: contentType ?? '',
          model: call.model,
          includeUsage: call.includeUsage,
        })
    if (exchange.mocked) kong.response.setHeader('X-Kong-AI-Mock', '1')
    if (failed) return
    if (!preserve) setAnswerHeaders(kong, call.stream)
    const { dropped } = provider.request
    if (dropped.length > 0) {
      kong.response.setHeader('X-Kong-LLM-Dropped', headerText(dropped.join(', '), DROPPED_BYTES))
    }
    if (this.#config.model_name_header && call.model !== '') {
      kong.response.setHeader(
        'X-Kong-LLM-Model',
        headerText(`${model.provider}/${call.model}`, DROPPED_BYTES),
      )
    }
    if (call.stream && !preserve) {
      exchange.holdEnds = performance.now() + this.#config.hold_ms
      kong.response.flushAfter(this.#config.hold_ms)
    }
  }

  /** A hot path: runs once per read from the provider. */
  bodyFilter(kong: FilterKong, arg: BodyArg): void {
    const exchange = exchangeOf(kong)
    const answer = exchange?.answer
    if (!answer) return
    if (arg.chunk.length > 0) answer.push(arg.chunk)
    if (arg.error !== undefined) {
      answer.fail(ChatError.badUpstream("the provider's answer was cut off", 'answer_cut_off'))
      delete arg.error
    } else if (arg.eof) {
      answer.end()
    } else if (answer.state === 'held' && exchange.holdEnds > 0 && performance.now() >= exchange.holdEnds) {
      answer.release()
    }
    const output = answer.read()
    const over = answer.state === 'done' || answer.state === 'failed'
    if (output === undefined && answer.error && exchange.firstOutput === undefined) {
      exitWith(kong, answer.error)
      return
    }
    if (output !== undefined) exchange.firstOutput ??= performance.now()
    arg.chunk = output ?? NOTHING
    arg.eof = over
  }

  async log(kong: Kong): Promise<void> {
    const exchange = exchangeOf(kong)
    if (!exchange || !this.#config.logging.log_statistics) return
    const now = performance.now()
    const { meta, usage } = statistics({
      model: exchange.model,
      requestModel: exchange.call.model,
      pluginId: (await kong.plugin.getId()) ?? '',
      stream: exchange.call.stream,
      facts: exchange.answer?.facts,
      latency: now - exchange.started,
      timeToFirstToken: exchange.firstOutput && exchange.firstOutput - exchange.started,
    })
    await kong.log.setSerializeValue('ai.proxy.meta', meta)
    await kong.log.setSerializeValue('ai.proxy.usage', usage)
  }
}

function exchangeOf(kong: Kong | FilterKong): AiExchange | undefined {
  return kong.ctx.plugin.exchange as AiExchange | undefined
}

async function clientPath(kong: Kong): Promise<string> {
  const query = await kong.request.getRawQuery()
  const path = await kong.request.getRawPath()
  return query === '' ? path : `${path}?${query}`
}

function tooLarge(limit: number): ChatError {
  return new ChatError(413, `request body is larger than max_request_body_size (${limit} bytes)`, {
    code: 'request_too_large',
  })
}

const FAILURE_STATUS: Readonly<Partial<Record<AttemptFailure['kind'], number>>> = {
  resolve: 503,
  timeout: 504,
}

function noMoreAttempts(kong: Kong, failure: AttemptFailure): null {
  const status = failure.status ?? FAILURE_STATUS[failure.kind] ?? 502
  const message = status === 504 ? 'the provider did not answer in time' : 'the provider could not be reached'
  exitWith(kong, new ChatError(status, message, { type: 'upstream_error', code: `upstream_${failure.kind}` }))
  return null
}

/** The error as the client's answer; both facades note an exit in the call. */
function exitWith(kong: Kong | FilterKong, error: ChatError): void {
  void kong.response.exit(error.status, JSON.stringify(error.toBody()), {
    'content-type': 'application/json; charset=utf-8',
    ...(error.retryAfter !== undefined && { 'retry-after': error.retryAfter }),
  })
}

function clearProviderHeaders(kong: FilterKong, preserve: boolean): void {
  const provider = kong.service.response.getHeaders()
  const kept = preserve ? provider : headersToClient(provider)
  for (const name of Object.keys(provider)) {
    if (!Object.hasOwn(kept, name) || name === 'set-cookie') kong.response.clearHeader(name)
  }
}

function setAnswerHeaders(kong: FilterKong, stream: boolean): void {
  if (!stream) {
    kong.response.setHeader('Content-Type', 'application/json; charset=utf-8')
    return
  }
  kong.response.setHeader('Content-Type', 'text/event-stream')
  kong.response.setHeader('Cache-Control', 'no-cache')
  kong.response.setHeader('X-Accel-Buffering', 'no')
}
