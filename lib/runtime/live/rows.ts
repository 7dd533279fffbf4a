import type { ModelCall } from '../../pdk/model-call.js'
import type { LiveExchange } from '../exchange.js'

/** What the live page shows of an exchange; nothing of what was asked or said. Times are milliseconds. */
export interface Row {
  readonly id: string
  readonly route: string
  readonly provider: string
  readonly model: string
  readonly stream: boolean
  /** `waiting` for the provider's headers, `held` until its first token, `open`; then how it ended. */
  readonly state: 'waiting' | 'held' | 'open' | 'done' | 'error' | 'client' | 'provider' | 'timeout' | 'limit'
  /** Of the answer that the client got; 0: none yet. */
  readonly status: number
  /** Unix milliseconds. */
  readonly started: number
  readonly took: number
  readonly tokens: number
  /** The tokens are a count of ours, or, while they come, a guess. */
  readonly estimated: boolean
  /** Tokens a second after the first; null: not known. */
  readonly rate: number | null
  readonly firstToken: number | null
  /** Times between the last reads from the provider. */
  readonly gaps: readonly number[]
}

/** English text, roughly. */
const CHARS_PER_TOKEN = 4

export function rowOf(x: LiveExchange, call: ModelCall): Row {
  const { flow, timings, response, request } = x
  const now = timings.end || performance.now()
  const { tokens, estimated } = tokensOf(call)
  const seconds = (flow.lastOutput - flow.firstOutput) / 1000
  return {
    id: x.id,
    route: routeOf(x),
    provider: call.provider,
    model: call.model,
    stream: call.stream,
    state: timings.end > 0 ? endOf(x) : stateOf(x),
    status: response.committed ? response.status : 0,
    started: Math.round(request.startTime),
    took: Math.round(now - timings.start),
    tokens,
    estimated,
    rate: call.stream && tokens > 1 && seconds > 0 ? round((tokens - 1) / seconds) : null,
    firstToken: flow.firstOutput > 0 ? Math.round(flow.firstOutput - timings.start) : null,
    gaps: flow.gaps?.list().map(round) ?? [],
  }
}

function tokensOf({ facts }: ModelCall): Pick<Row, 'tokens' | 'estimated'> {
  if (facts?.usage) return { tokens: facts.usage.completion_tokens, estimated: facts.estimated === true }
  return { tokens: Math.round((facts?.saidChars ?? 0) / CHARS_PER_TOKEN), estimated: true }
}

function stateOf({ flow, serviceResponse }: LiveExchange): Row['state'] {
  if (flow.firstOutput > 0) return 'open'
  return serviceResponse ? 'held' : 'waiting'
}

function endOf({ abort, response }: LiveExchange): Row['state'] {
  return abort ?? (response.status < 400 ? 'done' : 'error')
}

/** The route's name, else the path that was asked for; behind a Kong the route is not always known. */
function routeOf(x: LiveExchange): string {
  try {
    if (typeof x.route?.name === 'string') return x.route.name
  } catch {
    // not declared to be read
  }
  return x.request.path
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
