import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../lib/llm/json.js'
import { aiConfig, aiGateway, errorOf, messages, post, PROVIDER_KEY } from '../../support/ai-gateway.js'
import { answering, COMPLETION, JSON_TYPE, type Provider } from '../../support/ai-provider.js'
import { object, objects } from '../../support/json.js'

const good = () => answering(200, JSON_TYPE, COMPLETION)
const refused = () => answering(503, JSON_TYPE, '{"error":{"message":"busy"}}')
const auth = (value: string) => ({ header_name: 'Authorization', header_value: value })
const MISSING = auth('{vault://env/missing}')

interface Target {
  upstream: Provider
  model?: JsonObject
  auth?: JsonObject
  weight?: number
}

/** A gateway to these targets, in their order. */
function gatewayTo(targets: Target[], more: JsonObject = {}) {
  const made = targets.map(({ upstream, model, weight = 100, auth: own = auth(PROVIDER_KEY) }) => {
    const config = aiConfig(upstream.url, { model: model ?? {}, auth: own })
    return { model: config.model!, auth: config.auth!, weight }
  })
  const [{ weight: _, ...first }, ...others] = made as [JsonObject, ...typeof made]
  return aiGateway({
    route_type: 'llm/v1/chat',
    ...first,
    targets: others,
    balancer: { algorithm: 'priority', failover_criteria: ['http_503'], ...object(more.balancer ?? {}) },
    logging: { log_statistics: true },
    ...(more.strict === true && { strict: true }),
  })
}

const count = (targets: Target[]) => targets.map(({ upstream }) => upstream.requests.length)

describe('a target that cannot be asked gives way to the next', () => {
  it.each<[string, Partial<Target>, JsonObject, JsonObject]>([
    ['whose credential is empty', { auth: MISSING }, {}, {}],
    [
      'whose provider cannot express the request, under strict',
      { model: { provider: 'anthropic', name: 'claude' } },
      { strict: true },
      { logprobs: true },
    ],
    [
      'whose provider cannot take the request',
      { model: { provider: 'anthropic', name: 'claude' } },
      {},
      {
        messages: [
          { role: 'user', content: [{ type: 'input_audio', input_audio: { data: 'x', format: 'wav' } }] },
        ],
      },
    ],
    [
      'whose model is named by what the client did not send',
      { model: { name: '$(headers.x-model)' } },
      {},
      {},
    ],
  ])('%s', async (_, unfit, more, asked) => {
    const targets = [{ upstream: await good(), ...unfit }, { upstream: await good() }]
    const gateway = await gatewayTo(targets, more)
    const response = await post(gateway, { messages, ...asked })
    expect([response.status, await response.text()]).toEqual([200, COMPLETION])
    expect(count(targets)).toEqual([0, 1])
    const { tried_targets: tried } = object(object((await gateway.entry()).ai).proxy)
    expect(objects(tried).map(({ failure }) => failure)).toEqual(['not_sent', undefined])
  })

  it('also behind one that failed, and costs none of the retries', async () => {
    const targets = [
      { upstream: await refused() },
      { upstream: await good(), auth: MISSING },
      { upstream: await good() },
    ]
    const gateway = await gatewayTo(targets, { balancer: { retries: 1 } })
    expect((await post(gateway, { messages })).status).toBe(200)
    expect(count(targets)).toEqual([1, 0, 1])
  })

  it('and if it was the last, the client is told of the one that failed', async () => {
    const targets = [{ upstream: await refused() }, { upstream: await good(), auth: MISSING }]
    const response = await post(await gatewayTo(targets), { messages })
    expect(await errorOf(response)).toMatchObject({ status: 503, error: { message: 'busy' } })
    expect(count(targets)).toEqual([1, 0])
  })
})

describe('where no target can be asked', () => {
  it('the client is told of the first one', async () => {
    const targets = [
      { upstream: await good(), auth: MISSING },
      { upstream: await good(), auth: MISSING },
    ]
    expect(await errorOf(await post(await gatewayTo(targets), { messages }))).toMatchObject({
      status: 500,
      error: { code: 'credential_missing', param: 'config.auth.header_value' },
    })
  })

  it('a fault of the client is a 400 that names the field', async () => {
    const targets = [{ upstream: await good() }, { upstream: await good() }]
    expect(await errorOf(await post(await gatewayTo(targets), { messages: 'Hi' }))).toMatchObject({
      status: 400,
    })
    expect(count(targets)).toEqual([0, 0])
  })
})

it('a fault of a further target is named by its place in the config', async () => {
  const targets = [
    { upstream: await good(), auth: MISSING },
    { upstream: await good(), auth: MISSING, weight: 200 },
  ]
  expect(await errorOf(await post(await gatewayTo(targets), { messages }))).toMatchObject({
    status: 500,
    error: {
      param: 'config.targets[0].auth.header_value',
      message: expect.stringContaining('config.targets[0].auth.header_value is empty') as string,
    },
  })
})
