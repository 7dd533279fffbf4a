import type { EntityCheck, Field } from '../../lib/schema/field.js'
import { ALGORITHMS, type Algorithm } from './balancer.js'
import type { StreamLimits } from './limits.js'
import { AUTH, MODEL, string } from './model-schema.js'
import type { AiProxyAuth, AiProxyModel } from './schema.js'

/*
 * What the config says of failures: our own fields, under the names of Kong's ai-proxy-advanced where that has them.
 * Source: https://developer.konghq.com/plugins/ai-proxy-advanced/reference/
 */

const MAX_MS = 2_147_483_646

const milliseconds = (defaultValue: number, description: string): Field => ({
  type: 'integer',
  default: defaultValue,
  between: [0, MAX_MS],
  description,
})
const count = (defaultValue: number, max: number, description: string): Field => ({
  type: 'integer',
  default: defaultValue,
  between: [0, max],
  description,
})

/** Milliseconds; 0 switches a limit off. */
export interface AiProxyTimeouts {
  connect: number
  headers: number
  first_token: number
  idle: number
  total: number
}

/** Without `timeouts`. */
export const DEFAULT_TIMEOUTS: AiProxyTimeouts = {
  connect: 10_000,
  headers: 60_000,
  first_token: 120_000,
  idle: 120_000,
  total: 0,
}

export const TIMEOUTS: Field = {
  type: 'record',
  description: 'Time limits of an answer, in milliseconds; 0 switches one off.',
  fields: [
    { connect: milliseconds(DEFAULT_TIMEOUTS.connect, 'Until the provider is connected.') },
    { headers: milliseconds(DEFAULT_TIMEOUTS.headers, "Until the headers of the provider's answer.") },
    {
      first_token: milliseconds(
        DEFAULT_TIMEOUTS.first_token,
        'Of a stream, until its first content; roles, empty pieces and pings are none.',
      ),
    },
    { idle: milliseconds(DEFAULT_TIMEOUTS.idle, 'Between two pieces of an answer.') },
    { total: milliseconds(DEFAULT_TIMEOUTS.total, 'Of the whole request, all attempts included.') },
  ],
}

const FAILOVER_CRITERIA = [
  'error',
  'timeout',
  'invalid_header',
  'http_500',
  'http_502',
  'http_503',
  'http_504',
  'http_403',
  'http_404',
  'http_429',
  'non_idempotent',
] as const
export type FailoverCriterion = (typeof FAILOVER_CRITERIA)[number]

const LATENCY_STRATEGIES = ['ttft', 'tpot', 'e2e'] as const

export interface AiProxyBalancer {
  algorithm: Algorithm
  /** Further attempts after the first. */
  retries: number
  failover_criteria: readonly FailoverCriterion[]
  max_fails: number
  /** Milliseconds. */
  fail_timeout: number
  latency_strategy: (typeof LATENCY_STRATEGIES)[number]
  hash_on_header: string
  failover_after_first_delta: boolean
}

/** With `targets`, but without `balancer`. */
export const DEFAULT_BALANCER: AiProxyBalancer = {
  algorithm: 'round-robin',
  retries: 5,
  failover_criteria: ['error', 'timeout'],
  max_fails: 0,
  fail_timeout: 10_000,
  latency_strategy: 'ttft',
  hash_on_header: 'X-Kong-LLM-Request-ID',
  failover_after_first_delta: false,
}

export const BALANCER: Field = {
  type: 'record',
  description: 'How targets are chosen, and when a failed request goes to the next.',
  fields: [
    {
      algorithm: string("How to choose a target; 'priority' takes the highest weight that works.", {
        default: DEFAULT_BALANCER.algorithm,
        one_of: ALGORITHMS,
      }),
    },
    { retries: count(DEFAULT_BALANCER.retries, 32_767, 'Further attempts after the first has failed.') },
    {
      failover_criteria: {
        type: 'array',
        default: [...DEFAULT_BALANCER.failover_criteria],
        elements: { type: 'string', one_of: FAILOVER_CRITERIA },
        description: 'Failures after which another attempt is made.',
      },
    },
    {
      max_fails: count(
        DEFAULT_BALANCER.max_fails,
        10_000,
        'Failures within fail_timeout that take a target out of service; 0 for never.',
      ),
    },
    {
      fail_timeout: milliseconds(
        DEFAULT_BALANCER.fail_timeout,
        'How long failures count, and how long a target is then left alone, in milliseconds.',
      ),
    },
    {
      latency_strategy: string(
        "What lowest-latency compares: time to first token, time per token ('tpot') or of the whole answer.",
        { default: DEFAULT_BALANCER.latency_strategy, one_of: LATENCY_STRATEGIES },
      ),
    },
    {
      hash_on_header: string('The header by whose value consistent-hashing chooses.', {
        default: DEFAULT_BALANCER.hash_on_header,
      }),
    },
    {
      failover_after_first_delta: {
        type: 'boolean',
        default: DEFAULT_BALANCER.failover_after_first_delta,
        description:
          'A stream of plain text that breaks off goes on with the next target, which is asked to continue the text.',
      },
    },
  ],
}

export interface AiProxyTarget {
  model: AiProxyModel
  auth?: AiProxyAuth
  weight: number
}

export const DEFAULT_WEIGHT = 100

/** @param checks the rules over `model` and `auth`, which hold for each target */
export const targets = (checks: EntityCheck[]): Field => ({
  type: 'array',
  description: "Further targets beside 'model' and 'auth', which are the first.",
  elements: {
    type: 'record',
    fields: [
      { model: MODEL },
      { auth: AUTH },
      {
        weight: {
          type: 'integer',
          default: DEFAULT_WEIGHT,
          between: [1, 65_535],
          description: 'Share of the requests, or priority; that of the first is 100.',
        },
      },
    ],
    entity_checks: checks,
  },
})

export type AiProxyLimits = StreamLimits

export const LIMITS: Field = {
  type: 'record',
  description: 'Streams at a time; a further one is answered with 429. 0 for no limit.',
  fields: [
    { max_streams: count(0, 1_000_000, 'Streams of this plugin: of its route, if it is on one.') },
    { max_streams_total: count(0, 1_000_000, 'Streams of the whole process, of every route.') },
  ],
}
