import { ChatError } from '../../lib/llm/errors.js'
import type { UpstreamRequest } from '../../lib/pdk/exchange.js'
import { asksForNext, backoff, criterionOf, MAX_PAUSE_MS, retryAfterMs, type Failed } from './failover.js'
import { headerText } from './headers.js'
import type { AiProxyConfig } from './schema.js'
import type { Target, Targets } from './targets.js'

/** One attempt, as the log shows it (`ai.proxy.tried_targets`, Kong's key). */
export interface Tried {
  provider: string
  model: string
  host?: string
  port?: number
  /** Of the provider's answer. */
  status?: number
  /** A failover criterion, or `not_sent`; absent where the answer was good, or its client went away. */
  failure?: string
  /** Milliseconds, until the attempt was over. */
  latency: number
}

const NOT_SENT = 'not_sent'

/** What a failure counts as among latencies: one that refuses at once must not look quick. */
const FAILURE_MS = 10_000

/** Where the next attempt goes, and how many milliseconds to wait before. */
export interface Step {
  readonly target: Target
  readonly pause: number
}

/** The header that says what was tried, where that is more than what answered. */
export function triedHeaders(
  { model_name_header }: AiProxyConfig,
  { summary }: Attempts,
): Record<string, string> {
  return model_name_header && summary !== undefined ? { 'X-Kong-LLM-Tried': headerText(summary) } : {}
}

function isInService({ breaker }: Target): boolean {
  return breaker.allows
}

/** The attempts of one request: chooses their targets and tells these how they did. Times are those of `performance.now()`. */
export class Attempts {
  readonly tried: Tried[] = []
  /** What the request has in common with others that go to the same target. */
  hashed: string | undefined
  private readonly seen: Target[] = []
  private readonly unfit: Target[] = []
  /** Until when targets asked to be left alone (`retry-after`). */
  private rests: Map<Target, number> | undefined
  private pauses = 0
  private target: Target | undefined
  private current: Tried | undefined
  private started = 0
  private isOpen = false

  /** @param deadline after which no attempt begins */
  constructor(
    private readonly targets: Targets,
    private readonly deadline: number,
  ) {}

  /** @throws ChatError 503 when every target is out of service */
  first(): Target {
    const target = this.choose(this.inService())
    if (target) return target
    const wait = Math.min(...this.targets.all.map(({ breaker }) => breaker.wait))
    throw new ChatError(503, 'every target is out of service after repeated failures', {
      type: 'upstream_error',
      code: 'no_target_in_service',
      retryAfter: String(Math.max(1, Math.ceil(wait / 1000))),
    })
  }

  begin(target: Target, now = performance.now()): void {
    const { provider, name = '' } = target.config.model
    this.current = { provider, model: name, latency: 0 }
    this.tried.push(this.current)
    this.seen.push(target)
    this.target = target
    this.started = now
    this.isOpen = true
    target.active++
    target.breaker.begin()
  }

  /** What was tried, for a header: `openai/gpt-4o http_429, anthropic/claude`; `undefined` if it is one target. */
  get summary(): string | undefined {
    if (this.tried.length < 2) return undefined
    const of = ({ provider, model, failure }: Tried) => `${provider}/${model}${failure ? ` ${failure}` : ''}`
    return this.tried.map(of).join(', ')
  }

  /** The request of the attempt under way is made. */
  sent(model: string, { host, port }: Pick<UpstreamRequest, 'host' | 'port'>): void {
    const { current } = this
    if (!current) return
    current.model = model
    current.host = host
    current.port = port
  }

  /** The provider has answered. */
  answered(status: number): void {
    if (this.current) this.current.status = status
  }

  /** The first content has come. */
  began(): void {
    if (!this.isOpen) return
    this.target!.breaker.succeed()
    if (this.targets.balancer.latency_strategy === 'ttft') this.target!.measured(this.elapsed)
  }

  /** @param tokens of the answer, where they are known */
  succeeded(tokens: number | undefined): void {
    if (!this.isOpen) return
    const { latency_strategy } = this.targets.balancer
    if (latency_strategy === 'e2e') this.target!.measured(this.elapsed)
    if (latency_strategy === 'tpot' && tokens) this.target!.measured(this.elapsed / tokens)
    this.target!.breaker.succeed()
    this.end()
  }

  /** A failure that would be worth another attempt counts against the target; any other shows that it is alive. */
  failed(failed: Failed, repeatable: boolean): boolean {
    const criterion = criterionOf(failed)
    const asks = asksForNext(this.targets.balancer.failover_criteria, failed, repeatable)
    if (!this.isOpen) return asks
    this.current!.failure = criterion
    const counts = (this.targets.balancer.failover_criteria as readonly string[]).includes(criterion)
    if (counts) {
      this.target!.breaker.fail()
      this.target!.measured(FAILURE_MS)
    } else {
      this.target!.breaker.succeed()
    }
    this.end()
    return asks
  }

  /** The target cannot be asked this: no request was made. */
  notSent(): void {
    this.unfit.push(this.target!)
    this.current!.failure = NOT_SENT
    this.abandoned()
  }

  /** A target that has not been tried yet. */
  untried(): Target | undefined {
    return this.choose(this.inService().filter((target) => !this.seen.includes(target)))
  }

  /** Nothing was learnt: the client went away, or its request was no good. */
  abandoned(): void {
    if (!this.isOpen) return
    this.target!.breaker.abandon()
    this.end()
  }

  /**
   * What follows on a failure before anything reached the client: a target that was not tried yet at once, then those that
   * were, each time after a pause.
   *
   * @returns undefined if nothing does
   */
  after(failed: Failed, repeatable: boolean): Step | undefined {
    const rest = retryAfterMs(failed.error.retryAfter)
    const now = performance.now()
    if (this.target && rest > 0) (this.rests ??= new Map()).set(this.target, now + rest)
    const sent = this.tried.filter(({ failure }) => failure !== NOT_SENT).length
    if (!this.failed(failed, repeatable) || sent > this.targets.balancer.retries) return undefined
    if (now >= this.deadline) return undefined
    const fresh = this.untried()
    return fresh ? { target: fresh, pause: 0 } : this.again(this.inService(), now)
  }

  /** What cannot be asked once cannot be asked again. */
  private again(inService: readonly Target[], now: number): Step | undefined {
    const candidates = inService.filter((target) => !this.unfit.includes(target))
    const restOf = (target: Target) => (this.rests?.get(target) ?? 0) - now
    const rested = candidates.filter((target) => restOf(target) <= MAX_PAUSE_MS)
    const others = rested.filter((target) => target !== this.target)
    const target = this.choose(others.length > 0 ? others : rested)
    if (!target) return undefined
    const pause = Math.max(backoff(this.pauses++), restOf(target))
    return now + pause < this.deadline ? { target, pause } : undefined
  }

  private choose(among: readonly Target[]): Target | undefined {
    return this.targets.choose(among, this.hashed)
  }

  private inService(): readonly Target[] {
    const { all } = this.targets
    return all.every(isInService) ? all : all.filter(isInService)
  }

  private get elapsed(): number {
    return performance.now() - this.started
  }

  private end(): void {
    this.isOpen = false
    this.target!.active--
    this.current!.latency = Math.floor(this.elapsed)
  }
}
