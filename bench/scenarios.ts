import type { Provider } from './answers.js'

/** How the mock hands an answer out; `tokens` frames of one token each. */
export type Delivery =
  /** One JSON object. */
  | { readonly kind: 'whole' }
  /** All frames in one write. */
  | { readonly kind: 'burst'; readonly tokens: number }
  /** One frame a write, `everyMs` apart; each says when it was sent. */
  | { readonly kind: 'paced'; readonly tokens: number; readonly everyMs: number }
  /** As fast as they are taken, one frame a write. */
  | { readonly kind: 'flood'; readonly tokens: number }

/**
 * What a scenario is judged by, always as a ratio to `node-pipe` in the same round.
 *
 * - `streams`: how much later frames come than without anybody in between, and the memory that all streams took together, divided by
 *   their number.
 * - `memory`: what a process that has just started takes until all answers are out, code that it loads and compiles included.
 */
export type Measure = 'cpu' | 'latency' | 'streams' | 'memory'

export interface Scenario {
  readonly id: string
  readonly title: string
  readonly provider: Provider
  readonly delivery: Delivery
  /** Requests a round, and how many of them are under way at once. */
  readonly requests: number
  readonly concurrency: number
  /** Of the request. */
  readonly bodyBytes: number
  readonly measures: Measure
  /** The largest ratio to `node-pipe` that is wanted. */
  readonly goal: number
  /** Memory is that of new processes: each round starts its own. */
  readonly fresh: boolean
  /** How fast the client reads each answer; absent: as fast as it can. Bytes a second. */
  readonly readRate?: number
}

const BURST: Delivery = { kind: 'burst', tokens: 200 }
const SINGLE: Delivery = { kind: 'paced', tokens: 200, everyMs: 5 }
const SMALL = { bodyBytes: 300, fresh: false, measures: 'cpu' } as const
const BURSTS = { ...SMALL, delivery: BURST, requests: 600, concurrency: 8 }
/** Slow enough that no two frames meet on the way. */
const SINGLES = { ...SMALL, delivery: SINGLE, requests: 40, concurrency: 40 }

export const scenarios: readonly Scenario[] = [
  {
    ...SMALL,
    id: 'a',
    title: 'small request, not streamed',
    provider: 'openai',
    delivery: { kind: 'whole' },
    requests: 4000,
    concurrency: 16,
    goal: 0.65,
  },
  { ...BURSTS, id: 'b', title: 'OpenAI, 200 tokens in a burst', provider: 'openai', goal: 0.45 },
  { ...SINGLES, id: 'b1', title: 'OpenAI, one frame a write', provider: 'openai', goal: 0.95 },
  { ...BURSTS, id: 'c', title: 'Anthropic, 200 tokens in a burst', provider: 'anthropic', goal: 0.65 },
  { ...SINGLES, id: 'c1', title: 'Anthropic, one frame a write', provider: 'anthropic', goal: 0.95 },
  { ...BURSTS, id: 'g', title: 'Gemini, 200 tokens in a burst', provider: 'gemini', goal: 0.8 },
  { ...BURSTS, id: 'h', title: 'Bedrock, 200 tokens in a burst', provider: 'bedrock', goal: 0.9 },
  {
    ...SMALL,
    id: 'e',
    title: '1 MB request, not streamed',
    provider: 'openai',
    delivery: { kind: 'whole' },
    requests: 150,
    concurrency: 4,
    bodyBytes: 1024 * 1024,
    goal: 0.8,
  },
  {
    ...SMALL,
    id: 't',
    title: 'time to the first token, one request at a time',
    provider: 'openai',
    delivery: { kind: 'paced', tokens: 3, everyMs: 1 },
    requests: 200,
    concurrency: 1,
    measures: 'latency',
    goal: 1,
  },
  {
    ...SMALL,
    id: 'd',
    title: '500 streams, a token each 50 ms',
    provider: 'openai',
    delivery: { kind: 'paced', tokens: 200, everyMs: 50 },
    requests: 500,
    concurrency: 500,
    measures: 'streams',
    goal: 1,
    fresh: true,
  },
  {
    ...SMALL,
    id: 'f',
    title: '20 000 tokens to a slow reader',
    provider: 'openai',
    delivery: { kind: 'flood', tokens: 20_000 },
    requests: 4,
    concurrency: 4,
    measures: 'memory',
    goal: 0.5,
    fresh: true,
    readRate: 1024 * 1024,
  },
]

/** @throws Error where there is none of that id */
export function scenarioOf(id: string): Scenario {
  const scenario = scenarios.find((one) => one.id === id)
  if (!scenario) throw new Error(`there is no scenario '${id}'`)
  return scenario
}

/** Where the mock serves the scenario's answer; gateways route by it too. */
export function pathOf({ id }: Scenario): string {
  return `/${id}`
}

/** The client's request: OpenAI's format, whatever the provider's is. */
export function requestBody({ delivery, bodyBytes, provider }: Scenario): string {
  const request = {
    model: MODELS[provider],
    ...(delivery.kind !== 'whole' && { stream: true }),
    messages: [
      { role: 'system', content: 'You are terse.' },
      { role: 'user', content: '' },
    ],
  }
  const rest = Math.max(0, bodyBytes - JSON.stringify(request).length)
  request.messages[1]!.content = 'Say what a stream is. '.repeat(Math.ceil(rest / 22)).slice(0, rest)
  return JSON.stringify(request)
}

export const MODELS: Readonly<Record<Provider, string>> = {
  openai: 'gpt-4.1-mini',
  anthropic: 'claude-sonnet-4-5',
  gemini: 'gemini-2.0-flash',
  bedrock: 'anthropic.claude-3-haiku-20240307-v1:0',
}
