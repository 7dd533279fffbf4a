import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../lib/llm/json.js'
import { aiConfig, aiGateway, errorOf, messages, post, PROVIDER_KEY } from '../../support/ai-gateway.js'
import {
  answering,
  BodyReader,
  COMPLETION,
  EVENTS,
  JSON_TYPE,
  provider,
  type Provider,
  SSE_TYPE,
  STREAM,
} from '../../support/ai-provider.js'
import { object } from '../../support/json.js'
import { origin } from '../../support/origin.js'

const streamed = { messages, stream: true }
const whole = { messages }

const good = () => answering(200, JSON_TYPE, COMPLETION)
const goodStream = () => answering(200, SSE_TYPE, STREAM)
const failing = (status: number, headers = {}) =>
  answering(status, { ...JSON_TYPE, ...headers }, `{"error":{"message":"no, ${status}","type":"t"}}`)

/** A port where nobody listens. */
async function refusing(): Promise<{ url: string }> {
  const gone = await origin()
  await gone.close()
  return gone
}

const target = (url: string, model: JsonObject = {}, rest: JsonObject = {}): JsonObject => ({
  ...(aiConfig(url, { model }) as { model: JsonObject; auth: JsonObject; route_type?: string }),
  route_type: undefined,
  ...rest,
})

interface Options {
  criteria?: string[]
  balancer?: JsonObject
  rest?: JsonObject
}

/** A gateway whose targets are the given providers, in their order. */
function gatewayTo(urls: { url: string }[], { criteria, balancer, rest }: Options = {}) {
  const [first, ...others] = urls
  return aiGateway(
    aiConfig(first!.url, {
      targets: others.map(({ url }) => target(url)),
      balancer: {
        algorithm: 'priority',
        ...(criteria && { failover_criteria: criteria }),
        ...balancer,
      },
      logging: { log_statistics: true },
      ...rest,
    }),
  )
}

const count = (...providers: Provider[]) => providers.map(({ requests }) => requests.length)

/** What the log says of each attempt, without its time. */
function triedOf(entry: JsonObject): JsonObject[] {
  const { tried_targets } = object(object(entry.ai).proxy)
  return (tried_targets as JsonObject[]).map(({ latency, host, port, ...tried }) => {
    expect([latency, host, port]).toEqual([expect.any(Number), '127.0.0.1', expect.any(Number)])
    return tried
  })
}

describe('a target that fails before the first delta', () => {
  it('gives way to the next, for which the request is translated anew', async () => {
    const first = await refusing()
    const second = await provider(({ response }) => {
      response.writeHead(200, JSON_TYPE)
      response.end(
        '{"id":"msg_1","type":"message","role":"assistant","model":"claude-x","content":[{"type":"text","text":"Hi"}],"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":1}}',
      )
    })
    const gateway = await aiGateway(
      aiConfig(first.url, {
        logging: { log_statistics: true },
        balancer: { algorithm: 'priority' },
        targets: [
          {
            model: {
              provider: 'anthropic',
              name: 'claude-x',
              options: { upstream_url: second.url, anthropic_version: '2023-06-01' },
            },
            auth: { header_name: 'x-api-key', header_value: 'sk-of-the-second' },
          },
        ],
      }),
    )
    const response = await post(gateway, { ...whole, model: 'gpt-4o', seed: 7 })
    expect(response.status).toBe(200)
    expect(response.headers.get('x-kong-llm-model')).toBe('anthropic/claude-x')
    expect(response.headers.get('x-kong-llm-dropped')).toBe('seed')
    expect(await response.json()).toMatchObject({ choices: [{ message: { content: 'Hi' } }] })
    const [sent] = second.requests
    expect(sent?.url).toBe('/v1/messages')
    expect(sent?.headers['x-api-key']).toBe('sk-of-the-second')
    expect(JSON.stringify(sent?.headers)).not.toContain(PROVIDER_KEY)
    expect(second.bodies()[0]).toMatchObject({ model: 'claude-x' })
    expect(triedOf(await gateway.entry())).toEqual([
      { provider: 'openai', model: 'gpt-4o', failure: 'error' },
      { provider: 'anthropic', model: 'claude-x', status: 200 },
    ])
  })

  it.each([
    ['http_500', 500],
    ['http_502', 502],
    ['http_503', 503],
    ['http_504', 504],
    ['http_403', 403],
    ['http_404', 404],
    ['http_429', 429],
    ['http_503', 529],
  ])('under %s: status %i', async (criterion, status) => {
    const first = await failing(status)
    const second = await good()
    const with_ = await gatewayTo([first, second], { criteria: [criterion] })
    expect(await (await post(with_, whole)).text()).toBe(COMPLETION)
    const without = await gatewayTo([first, second])
    expect((await errorOf(await post(without, whole))).status).toBe(status)
    expect(count(first, second)).toEqual([2, 1])
  })

  it('by an error event behind roles and pings: of its stream the client sees nothing', async () => {
    const first = await provider(({ head, response, event }) => {
      head(200, { ...SSE_TYPE, 'x-request-id': 'of-the-first' })
      response.write(`: ping\n\n${EVENTS.role}`)
      event({ error: { message: 'busy', type: 'requests', code: 'rate_limit_exceeded' } })
    })
    const second = await goodStream()
    const gateway = await gatewayTo([first, second], { criteria: ['http_429'] })
    const response = await post(gateway, streamed)
    expect(response.headers.get('x-request-id')).toBeNull()
    expect(await response.text()).toBe(STREAM.replace(EVENTS.usage, ''))
    const turn = await first.turn(0)
    await turn.closed
    expect(turn.aborted()).toBe(true)
    expect(triedOf(await gateway.entry())).toEqual([
      { provider: 'openai', model: 'gpt-4o', status: 200, failure: 'http_429' },
      { provider: 'openai', model: 'gpt-4o', status: 200 },
    ])
  })

  it.each([
    ['that breaks off', 'error', ({ response }: { response: { destroy(): void } }) => response.destroy()],
    ['that is silent', 'timeout', () => {}],
  ])('by a connection %s', async (_, failure, answer) => {
    const first = await provider(answer)
    const second = await goodStream()
    const gateway = await gatewayTo([first, second], { rest: { timeouts: { first_token: 500 } } })
    expect(await (await post(gateway, streamed)).text()).toContain('Hello')
    expect(triedOf(await gateway.entry())).toMatchObject([{ failure }, { status: 200 }])
  })

  it('by an answer that is none, under invalid_header', async () => {
    const first = await answering(200, { 'content-type': 'text/html' }, '<html>')
    const second = await goodStream()
    const gateway = await gatewayTo([first, second], { criteria: ['invalid_header'] })
    expect(await (await post(gateway, streamed)).text()).toContain('Hello')
    expect(triedOf(await gateway.entry())).toMatchObject([{ failure: 'invalid_header' }, { status: 200 }])
  })

  it('decides what the client is told if it was the last', async () => {
    const first = await failing(503)
    const second = await failing(429, { 'retry-after': '60' })
    const gateway = await gatewayTo([first, second], {
      criteria: ['http_503', 'http_429'],
      balancer: { retries: 1 },
    })
    const response = await post(gateway, streamed)
    expect(response.headers.get('retry-after')).toBe('60')
    expect(await errorOf(response)).toMatchObject({ status: 429, error: { message: 'no, 429' } })
  })

  it('is the only one under retries: 0', async () => {
    const first = await failing(503)
    const second = await good()
    const gateway = await gatewayTo([first, second], { criteria: ['http_503'], balancer: { retries: 0 } })
    expect((await post(gateway, whole)).status).toBe(503)
    expect(count(first, second)).toEqual([1, 0])
  })
})

describe('the credential of a further target', () => {
  const behindARefusal = async (auth: JsonObject, url: string): Promise<JsonObject> =>
    aiConfig((await refusing()).url, {
      targets: [target(url, {}, { auth })],
      balancer: { algorithm: 'priority' },
    })

  it('may come from a vault', async () => {
    const second = await good()
    const auth = { header_name: 'Authorization', header_value: '{vault://env/second-key}' }
    const gateway = await aiGateway(await behindARefusal(auth, second.url), {
      env: { SECOND_KEY: 'Bearer from-the-vault' },
    })
    expect((await post(gateway, whole)).status).toBe(200)
    expect(second.requests[0]?.headers.authorization).toBe('Bearer from-the-vault')
  })

  it('is replaced by the mock where it is empty, and only there', async () => {
    const [second, mock] = [await good(), await good()]
    const auth = { header_name: 'Authorization', header_value: '{vault://env/missing}' }
    const gateway = await aiGateway(await behindARefusal(auth, second.url), {
      settings: { mockUrl: mock.url },
    })
    const response = await post(gateway, whole)
    expect(response.headers.get('x-kong-ai-mock')).toBe('1')
    expect(count(second, mock)).toEqual([0, 1])
  })
})

describe('after the first delta', () => {
  it('there is no other target', async () => {
    const first = await provider(({ head, response, event }) => {
      head(200, SSE_TYPE)
      response.write(EVENTS.role + EVENTS.hello)
      event({ error: { message: 'busy', code: 'rate_limit_exceeded' } })
    })
    const second = await goodStream()
    const gateway = await gatewayTo([first, second], {
      criteria: ['error', 'timeout', 'http_429', 'http_500'],
    })
    const text = await (await post(gateway, streamed)).text()
    expect(text.startsWith(EVENTS.role + EVENTS.hello)).toBe(true)
    expect(text.match(/"message":"busy"/g)).toHaveLength(1)
    expect(count(first, second)).toEqual([1, 0])
  })
})

describe('a provider that fails after the first delta, and goes on all the same', () => {
  it.each([
    ['by an error event', `data: {"error":{"message":"busy"}}\n\n`, {}],
    ['by more time than it has', '', { timeouts: { total: 500 } }],
  ])('%s, is let go', async (_, failing, rest) => {
    const upstream = await provider(({ head, response }) => {
      head(200, SSE_TYPE)
      response.write(EVENTS.role + EVENTS.hello + failing)
    })
    const gateway = await gatewayTo([upstream], { rest })
    expect(await (await post(gateway, streamed)).text()).toContain('"error":{')
    const turn = await upstream.turn(0)
    await turn.closed
    expect(turn.aborted()).toBe(true)
  })
})

describe('a request that a provider may have carried out', () => {
  it.each([
    [[], [1, 0]],
    [['non_idempotent'], [1, 1]],
  ])('on a preserve route is repeated under non_idempotent only (%j)', async (more, expected) => {
    const first = await provider(({ response }) => void response.destroy())
    const second = await good()
    const gateway = await gatewayTo([first, second], {
      criteria: ['error', ...more],
      rest: { route_type: 'preserve' },
    })
    await (await post(gateway, whole)).text()
    expect(count(first, second)).toEqual(expected)
  })
})

describe('a single target', () => {
  /** Refuses the first requests, then answers. */
  const recovering = (times: number, headers = {}) => {
    let left = times
    return provider(({ response }) => {
      const refuses = left-- > 0
      response.writeHead(refuses ? 429 : 200, { ...JSON_TYPE, ...(refuses && headers) })
      response.end(refuses ? '{"error":{"message":"slow down"}}' : COMPLETION)
    })
  }
  const retrying = { failover_criteria: ['http_429'] }

  it('has one attempt, unless a balancer is configured', async () => {
    const upstream = await recovering(1)
    expect((await post(await aiGateway(aiConfig(upstream.url)), whole)).status).toBe(429)
    expect(upstream.requests).toHaveLength(1)
  })

  it('is tried again with one, up to so many retries', async () => {
    const upstream = await recovering(2)
    const gateway = await aiGateway(aiConfig(upstream.url, { balancer: { ...retrying, retries: 2 } }))
    expect(await (await post(gateway, whole)).text()).toBe(COMPLETION)
    expect(upstream.requests).toHaveLength(3)
    const poor = await recovering(2)
    const less = await aiGateway(aiConfig(poor.url, { balancer: { ...retrying, retries: 1 } }))
    expect((await post(less, whole)).status).toBe(429)
    expect(poor.requests).toHaveLength(2)
  })

  it('is left alone as long as it asked for, if that is a time to wait', async () => {
    const upstream = await recovering(1, { 'retry-after': '0.3' })
    const gateway = await aiGateway(aiConfig(upstream.url, { balancer: retrying }))
    const started = performance.now()
    expect((await post(gateway, whole)).status).toBe(200)
    expect(performance.now() - started).toBeGreaterThan(290)
  })

  it('is not tried again for a client that has gone', async () => {
    const upstream = await recovering(1, { 'retry-after': '1' })
    const gateway = await aiGateway(aiConfig(upstream.url, { balancer: retrying }))
    const leaving = new AbortController()
    const pending = post(gateway, whole, { signal: leaving.signal })
    await (
      await upstream.turn(0)
    ).closed
    leaving.abort()
    await expect(pending).rejects.toThrow()
    await gateway.entry()
    await new Promise((resolve) => setTimeout(resolve, 1100))
    expect(upstream.requests).toHaveLength(1)
  })

  it('is not tried again if it asked for more', async () => {
    const upstream = await recovering(1, { 'retry-after': '3' })
    const gateway = await aiGateway(aiConfig(upstream.url, { balancer: retrying }))
    const response = await post(gateway, whole)
    expect([response.status, response.headers.get('retry-after')]).toEqual([429, '3'])
    expect(upstream.requests).toHaveLength(1)
  })
})

describe('the balancer', () => {
  it('shares requests out by weight', async () => {
    const [a, b] = [await good(), await good()]
    const gateway = await aiGateway(
      aiConfig(a.url, {
        targets: [target(b.url, {}, { weight: 200 })],
        balancer: { algorithm: 'round-robin' },
      }),
    )
    for (let i = 0; i < 6; i++) await (await post(gateway, whole)).text()
    expect(count(a, b)).toEqual([2, 4])
  })

  it('sends a request where the fewest are under way', async () => {
    const streaming = () =>
      provider(({ head, response }) => {
        head(200, SSE_TYPE)
        response.write(EVENTS.hello)
      })
    const [a, b] = [await streaming(), await streaming()]
    const gateway = await gatewayTo([a, b], { balancer: { algorithm: 'least-connections' } })
    const bodies = []
    for (const place of [0, 1, 2]) {
      bodies[place] = new BodyReader(await post(gateway, streamed))
      await bodies[place].next()
    }
    expect(count(a, b)).toEqual([2, 1])
    ;(await b.turn(0)).response.end(EVENTS.finish + EVENTS.done)
    await bodies[1]!.rest()
    await post(gateway, streamed)
    expect(count(a, b)).toEqual([2, 2])
  })

  it('prefers who is quick to the first token', async () => {
    const answer = (ms: number) =>
      provider(({ response }) => {
        setTimeout(() => response.writeHead(200, SSE_TYPE).end(STREAM), ms)
      })
    const [slow, quick] = [await answer(400), await answer(0)]
    const gateway = await gatewayTo([slow, quick], { balancer: { algorithm: 'lowest-latency' } })
    for (let i = 0; i < 5; i++) await (await post(gateway, streamed)).text()
    expect(count(slow, quick)).toEqual([1, 4])
  })
})

describe('consistent hashing', () => {
  it('sends requests with the same header to the same target, and elsewhere only where that fails', async () => {
    const [a, b] = [await good(), await good()]
    const gateway = await gatewayTo([a, b], {
      balancer: { algorithm: 'consistent-hashing', hash_on_header: 'X-User' },
    })
    const ask = async (user: string) => {
      const before = count(a)[0]
      await (await post(gateway, whole, { headers: { 'x-user': user } })).text()
      return count(a)[0] === before ? 'b' : 'a'
    }
    const users = Array.from({ length: 12 }, (_, i) => `user-${i}`)
    const first = []
    const second = []
    for (const user of users) first.push(await ask(user))
    for (const user of users) second.push(await ask(user))
    expect(second).toEqual(first)
    expect(new Set(first)).toEqual(new Set(['a', 'b']))
    await b.close()
    for (const user of users) expect(await ask(user)).toBe('a')
  })
})

describe('the header X-Kong-LLM-Tried', () => {
  const tried = async (...providers: Provider[]) => {
    const gateway = await gatewayTo(providers, { criteria: ['http_429', 'http_503'] })
    const { headers } = await post(gateway, whole)
    return [headers.get('x-kong-llm-model'), headers.get('x-kong-llm-tried')]
  }

  it('says what was tried before the target that answered', async () => {
    expect(await tried(await failing(429), await failing(503), await good())).toEqual([
      'openai/gpt-4o',
      'openai/gpt-4o http_429, openai/gpt-4o http_503, openai/gpt-4o',
    ])
  })

  it('stands on errors, too', async () => {
    expect(await tried(await failing(429), await failing(400))).toEqual([
      null,
      'openai/gpt-4o http_429, openai/gpt-4o http_400',
    ])
  })

  it('is not there where nothing else was tried', async () => {
    expect(await tried(await good(), await good())).toEqual(['openai/gpt-4o', null])
  })
})

describe('a circuit breaker', () => {
  it('spares a target that failed, and lets one probe find out when it is back', async () => {
    let isDown = true
    const first = await provider(({ response }) => {
      response.writeHead(isDown ? 503 : 200, JSON_TYPE).end(isDown ? '{}' : COMPLETION)
    })
    const second = await good()
    const gateway = await gatewayTo([first, second], {
      criteria: ['http_503'],
      balancer: { max_fails: 2, fail_timeout: 1500 },
    })
    const ask = async () => (await post(gateway, whole)).text()
    for (let i = 0; i < 5; i++) await ask()
    expect(count(first, second)).toEqual([2, 5])
    isDown = false
    await new Promise((resolve) => setTimeout(resolve, 1550))
    for (let i = 0; i < 3; i++) await ask()
    expect(count(first, second)).toEqual([5, 5])
  })

  it('answers for targets that are all out of service', async () => {
    const first = await failing(503)
    const gateway = await gatewayTo([first], {
      criteria: ['http_503'],
      balancer: { max_fails: 1, fail_timeout: 60_000 },
    })
    expect((await post(gateway, whole)).status).toBe(503)
    const response = await post(gateway, whole)
    expect(response.headers.get('retry-after')).toBe('60')
    expect(await errorOf(response)).toMatchObject({ status: 503, error: { code: 'no_target_in_service' } })
    expect(count(first)).toEqual([1])
  })
})
